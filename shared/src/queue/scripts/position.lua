-- How many jobs go before one that waits.
-- arg: lane; due (ms: when the job became or becomes due); rank (ms: that less its head start); scheduled (true: it waits for that moment);
--   samples (how many sequences are looked at).  ARGV[3…]: the tickets that it may have.
-- Returns {place, ahead, own, retry}: its place among the due jobs of its lane, -1 if it is none of them; about how many jobs go before it,
-- with those that are due before it and those that are blocked yet; how many of its contact's must end before it; when (ms) the first of these
-- is tried again, 0 if it does not wait for that.
local line

local function rank_at(index)
  local entry = redis.call('LINDEX', line, index)
  return entry and struct.unpack('>I6', entry) or math.huge
end

-- The first place in the line whose rank is at least `rank`.
local function place_of(rank)
  local from, to = 0, redis.call('LLEN', line)
  while from < to do
    local middle = math.floor((from + to) / 2)
    if rank_at(middle) < rank then from = middle + 1 else to = middle end
  end
  return from
end

local function before(rank, in_line)
  local bound = '(' .. whole(rank)
  return redis.call('ZCOUNT', HIGH .. arg.lane, '-inf', bound) + redis.call('ZCOUNT', DUE .. arg.lane, '-inf', bound) + in_line
end

-- How many due jobs go before the one that has one of these tickets and became due then; nil if it is not due.
local function place_among_due(tickets, due)
  for _, ticket in ipairs(tickets) do
    local rank = redis.call('ZSCORE', HIGH .. arg.lane, ticket) or redis.call('ZSCORE', DUE .. arg.lane, ticket)
    if rank then return before(tonumber(rank), place_of(tonumber(rank))) end
  end
  -- Many may have come within its millisecond.
  local first = place_of(due)
  for from = first, first + 9900, 100 do
    for at, entry in ipairs(redis.call('LRANGE', line, from, from + 99)) do
      if struct.unpack('>I6', entry) > due then return end
      for _, ticket in ipairs(tickets) do
        if string.sub(entry, 7) == ticket then return before(due, from + at - 1) end
      end
    end
  end
end

-- Its turn among its contact's: its order of joining, how many of them are before it, and the ticket of the first.
local function turn_of(tenant, root, tickets)
  local heads = heads_of(tenant, root)
  for _, ticket in ipairs(tickets) do
    local place = job_of(arg.lane, ticket).place
    for _, head in ipairs(heads) do
      if head.place == place then return head.order, 0 end
    end
    local rank = redis.call('ZRANK', BLOCKED .. tenant .. '/' .. root, place)
    if rank and heads[1] then
      local _, first = split_place(tenant, heads[1].place)
      return tonumber(redis.call('ZSCORE', BLOCKED .. tenant .. '/' .. root, place)), #heads + rank, first
    end
  end
end

-- About how many blocked jobs joined their sequences before `order`, those of `own_root` aside. When its turn in its sequence comes a job goes
-- by when it became due, so these go before whatever joined after them. Only a sample of the sequences is looked at.
local function blocked_before(tenant, own_root, order)
  local blocked = count_blocked(0)
  if blocked == 0 then return 0 end
  local others, looked_at, sum = redis.call('HLEN', SEQ .. tenant), 0, 0
  if own_root and stored_heads(tenant, own_root) then others = others - 1 end
  for _, root in ipairs(redis.call('HRANDFIELD', SEQ .. tenant, arg.samples)) do
    if root ~= own_root then
      looked_at = looked_at + 1
      sum = sum + redis.call('ZCOUNT', BLOCKED .. tenant .. '/' .. root, '-inf', order)
    end
  end
  return looked_at > 0 and math.min(blocked, math.floor(sum * others / looked_at + 0.5)) or 0
end

transition(function()
  line = LINE .. arg.lane
  local tickets = { unpack(ARGV, 3) }
  local job = job_of(arg.lane, tickets[1])
  local key = contact_keys(record_of(job))[1]
  local root, order, own, first = key and root_of(job.tenant, key), nil, 0, nil
  if root then order, own, first = turn_of(job.tenant, root, tickets) end
  order = order and not arg.scheduled and whole(order) or '+inf'

  local place = place_among_due(tickets, arg.due)
  local ahead, retry = place, nil
  if not place then
    -- Those that are due before it, it being due when its contact's first has ended.
    local of_first = first and place_among_due({ first }, due_of(redis.call('HGET', JOB .. job.tenant, string.sub(first, 2))))
    ahead = math.max(before(arg.rank, place_of(arg.rank)), of_first or 0)
    retry = first and redis.call('ZSCORE', WAIT .. arg.lane, first)
  end
  for _, waiting in ipairs({ WAIT, LATER }) do ahead = ahead + redis.call('ZCOUNT', waiting .. arg.lane, '-inf', '(' .. whole(arg.rank)) end
  own = own or 0
  return { place or -1, ahead + blocked_before(job.tenant, root, order) + own, own, tonumber(retry) or 0 }
end)
