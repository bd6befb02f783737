-- Sequences (law 5): the open jobs of one contact run one after another. `seq:` holds a sequence's head (a second line only where two jobs
-- were already running when their references turned out to be one contact); those behind it wait in `blocked:` by order of joining.
-- Heads are read once and written as the script ends: nothing else reads them meanwhile.
local tenants
resets[#resets + 1] = function() tenants = {} end

local function sequences_of(tenant)
  local known = tenants[tenant]
  if not known then
    known = { heads = {}, changed = {}, aliased = redis.call('EXISTS', ALIAS .. tenant) == 1, ranked = redis.call('EXISTS', PRIORITY .. tenant) == 1 }
    tenants[tenant] = known
  end
  return known
end

-- An alias always points to a greater key, so there are no circles; and keys being hashes, the greatest of many is a random one, so that
-- no key is more than a few steps away from its root. Those that were passed point straight to it from then on.
local function root_of(tenant, key)
  if not sequences_of(tenant).aliased then return key end
  local root, passed = key, {}
  while true do
    local alias = redis.call('HGET', ALIAS .. tenant, root)
    if not alias then break end
    passed[#passed + 1] = { key = root, since = string.match(alias, '^%d+/') }
    root = string.match(alias, '/(.+)$')
  end
  for i = 1, #passed - 1 do redis.call('HSET', ALIAS .. tenant, passed[i].key, passed[i].since .. root) end
  return root
end

-- Reads the heads of many sequences at once.
local function read_heads(tenant, roots)
  local heads, missing = sequences_of(tenant).heads, {}
  for _, root in ipairs(roots) do
    if heads[root] == nil then
      heads[root] = false
      missing[#missing + 1] = root
    end
  end
  for from = 1, #missing, 2000 do
    local to = math.min(from + 1999, #missing)
    local stored = redis.call('HMGET', SEQ .. tenant, unpack(missing, from, to))
    for i = from, to do heads[missing[i]] = stored[i - from + 1] end
  end
end

-- The heads of a sequence as they are stored, or false.
local function stored_heads(tenant, root)
  local heads = sequences_of(tenant).heads
  if heads[root] == nil then heads[root] = redis.call('HGET', SEQ .. tenant, root) end
  return heads[root]
end

local function store_heads(tenant, root, stored)
  local known = sequences_of(tenant)
  known.heads[root] = stored
  known.changed[root] = true
end

closing[#closing + 1] = function()
  for tenant, known in pairs(tenants) do
    for root in pairs(known.changed) do
      local stored = known.heads[root]
      if stored then gather('HSET', SEQ .. tenant, root, stored) else gather('HDEL', SEQ .. tenant, root) end
    end
    known.changed = {}
  end
end

local function heads_of(tenant, root)
  local heads = {}
  for line in string.gmatch(stored_heads(tenant, root) or '', '[^\n]+') do
    local order, place = string.match(line, '^(%d+)/(.+)$')
    heads[#heads + 1] = { order = tonumber(order), place = place }
  end
  return heads
end

local function set_heads(tenant, root, heads)
  local lines = {}
  for i, head in ipairs(heads) do lines[i] = string.format('%d/%s', head.order, head.place) end
  store_heads(tenant, root, #lines > 0 and table.concat(lines, '\n'))
end

local function split_place(tenant, place)
  local destination, ticket = string.match(place, '^([^/]+)/(.+)$')
  return destination .. '/' .. tenant, ticket
end

-- The highest priority among `own` and the jobs that wait behind it. Only what is not normal is counted, so most sequences need no look.
local function effective_priority(tenant, root, own)
  if own == 2 or (own == 1 and not sequences_of(tenant).ranked) then return own end
  local counts = redis.call('HMGET', PRIORITY .. tenant, root .. '2', root .. '0')
  local high, low = tonumber(counts[1]) or 0, tonumber(counts[2]) or 0
  if high > 0 then return 2 end
  if own == 1 or redis.call('ZCARD', BLOCKED .. tenant .. '/' .. root) > low then return 1 end
  return 0
end

local function count_priority(tenant, root, priority, by)
  if priority == 1 or by == 0 then return end
  sequences_of(tenant).ranked = true
  if redis.call('HINCRBY', PRIORITY .. tenant, root .. priority, by) <= 0 then
    redis.call('HDEL', PRIORITY .. tenant, root .. priority)
  end
end

local blocked
resets[#resets + 1] = function() blocked = nil end

-- How many jobs of the shard are blocked: mostly none, and then no sequence need be looked at.
local function count_blocked(by)
  blocked = (blocked or tonumber(redis.call('HGET', COUNTS, 'blocked')) or 0) + by
  if by ~= 0 then add(COUNTS, 'blocked', by) end
  return blocked
end

local function priority_of_place(place)
  return tonumber(string.match(place, '/(%d)'))
end

local function block(tenant, root, place, order, priority)
  redis.call('ZADD', BLOCKED .. tenant .. '/' .. root, whole(order), place)
  count_priority(tenant, root, priority, 1)
  count_blocked(1)
end

-- A head that waits in its lane gets the head start of the most urgent job behind it; a retrying or running one gets it when it is due again.
local function escalate(tenant, head, before, after)
  if after <= before then return end
  local lane, ticket = split_place(tenant, head.place)
  flush()
  local rank = redis.call('ZSCORE', DUE .. lane, ticket)
  if not rank then
    local elsewhere = redis.call('ZSCORE', HIGH .. lane, ticket) or redis.call('ZSCORE', WAIT .. lane, ticket)
      or redis.call('HEXISTS', RUNNING, lane .. '/' .. ticket) == 1
    if elsewhere then return end
    rank = rank_of(due_of(redis.call('HGET', JOB .. tenant, string.sub(ticket, 2))), before)
  end
  withdraw(lane, ticket)
  -- It may have the day's reserve now.
  lane_of(lane)
  put_due(lane, ticket, rank - (arg.headStart[after + 1] - arg.headStart[before + 1]), after)
end

local unite
do
  -- Puts the jobs of `source` and `target` together in `target`; the fewer ones move.
  local function move_shorter(source, target)
    local from, to = source, target
    if redis.call('ZCARD', source) > redis.call('ZCARD', target) then from, to = target, source end
    local moved = redis.call('ZPOPMIN', from, 1000)
    while #moved > 0 do
      for i = 1, #moved, 2 do moved[i], moved[i + 1] = moved[i + 1], moved[i] end
      redis.call('ZADD', to, unpack(moved))
      moved = redis.call('ZPOPMIN', from, 1000)
    end
    if to == source then redis.call('RENAME', source, target) end
  end

  -- Folds the sequence `from` into `into`: what runs goes on, of the others only the earliest may be a head.
  local function merge_sequence(tenant, from, into)
    local heads = {}
    for _, root in ipairs({ into, from }) do
      for _, head in ipairs(heads_of(tenant, root)) do
        head.own = priority_of_place(head.place)
        head.before = effective_priority(tenant, root, head.own)
        heads[#heads + 1] = head
      end
    end
    store_heads(tenant, from, false)
    local source, target = BLOCKED .. tenant .. '/' .. from, BLOCKED .. tenant .. '/' .. into
    if redis.call('EXISTS', source) == 1 then
      move_shorter(source, target)
      for _, priority in ipairs({ 0, 2 }) do
        local count = tonumber(redis.call('HGET', PRIORITY .. tenant, from .. priority)) or 0
        count_priority(tenant, from, priority, -count)
        count_priority(tenant, into, priority, count)
      end
    end
    table.sort(heads, function(a, b) return a.order < b.order end)
    local running, idle = {}, {}
    for _, head in ipairs(heads) do
      local lane, ticket = split_place(tenant, head.place)
      local runs = redis.call('HEXISTS', RUNNING, lane .. '/' .. ticket) == 1
      table.insert(runs and running or idle, head)
    end
    local first_idle = #running == 0 and 1 or 0
    for i, head in ipairs(idle) do
      if i > first_idle then
        local lane, ticket = split_place(tenant, head.place)
        withdraw(lane, ticket)
        block(tenant, into, head.place, head.order, head.own)
      else
        running[#running + 1] = head
      end
    end
    set_heads(tenant, into, running)
    if first_idle == 1 then escalate(tenant, heads[1], heads[1].before, effective_priority(tenant, into, heads[1].own)) end
  end

  -- The one sequence that all of `keys` name, made one where they were several; known as of `at`.
  function unite(tenant, keys, at)
    local names, roots, best = {}, {}, ''
    for _, key in ipairs(keys) do
      local root = root_of(tenant, key)
      names[key], names[root], roots[root] = true, true, true
      if root > best then best = root end
    end
    names[best], roots[best] = nil, nil
    sequences_of(tenant).aliased = true
    for name in pairs(names) do
      local since = tonumber(string.match(redis.call('HGET', ALIAS .. tenant, name) or '', '^%d+')) or 0
      if since <= at then redis.call('HSET', ALIAS .. tenant, name, string.format('%d/%s', at, best)) end
    end
    for root in pairs(roots) do
      if stored_heads(tenant, root) then merge_sequence(tenant, root, best) end
    end
    return best
  end
end

-- `fresh` is a job that has just been enqueued: nobody has had it.
local function put_first(job, due, priority)
  if job.fresh then return line_up(job.lane, job.ticket, due, priority) end
  put_due(job.lane, job.ticket, rank_of(due, priority), priority)
end

-- A due job takes its place at the end of its contact's sequence: into the lane if it is the only one.
local function join(job, keys, due)
  local priority = priority_of(job.ticket)
  if #keys == 0 then return put_first(job, due, priority) end
  local root = #keys == 1 and root_of(job.tenant, keys[1]) or unite(job.tenant, keys, now)
  local order, stored = number('order'), stored_heads(job.tenant, root)
  if not stored then
    store_heads(job.tenant, root, whole(order) .. '/' .. job.place)
    return put_first(job, due, priority)
  end
  local own = tonumber(string.match(stored, '^%d+/[^/]+/(%d)'))
  local before = effective_priority(job.tenant, root, own)
  block(job.tenant, root, job.place, order, priority)
  if priority > before then escalate(job.tenant, heads_of(job.tenant, root)[1], before, priority) end
end

local function put_later(job, due)
  gather('ZADD', LATER .. job.lane, whole(due), job.ticket)
  gather('ZADD', TURNS .. job.lane, whole(due), string.format('%016d', number('order')) .. job.ticket)
end

-- What is left of the moves that one run of a script may make, over all lanes.
local moves_left
resets[#resets + 1] = function() moves_left = arg.moves end

-- Up to `most` scheduled jobs of the lane that have come due join their sequences, by due time and then by order of enqueuing. Returns whether
-- all did.
local function join_due(lane, most)
  local ready = redis.call('ZRANGEBYSCORE', TURNS .. lane, '-inf', now, 'WITHSCORES', 'LIMIT', 0, most + 1)
  local count = math.min(#ready / 2, most)
  for i = 1, 2 * count, 2 do
    local job = parse_ref(lane .. '/' .. string.sub(ready[i], 17))
    redis.call('ZREM', TURNS .. lane, ready[i])
    redis.call('ZREM', LATER .. lane, job.ticket)
    join(job, contact_keys(record_of(job)), tonumber(ready[i + 1]))
  end
  moves_left = moves_left - count
  return #ready / 2 == count
end

local enter
do
  -- A job enters its lane, behind those that came due before it: where they are more than may be moved at once, it becomes due after them.
  local all_joined
  resets[#resets + 1] = function() all_joined = {} end
  function enter(job, keys, due)
    if all_joined[job.lane] == nil then all_joined[job.lane] = join_due(job.lane, moves_left) end
    if due <= now and all_joined[job.lane] then return join(job, keys, now) end
    -- What it says of its contact is known from now on, whenever it is due.
    if #keys > 1 then unite(job.tenant, keys, math.max(due, now)) end
    put_later(job, math.max(due, now))
  end
end

-- The priority with which a job that heads its sequence counts.
local function priority_at_head(job, keys)
  local own = priority_of(job.ticket)
  if #keys == 0 then return own end
  return effective_priority(job.tenant, root_of(job.tenant, keys[1]), own)
end

-- `job` ran and has not ended: it waits in its lane again, until `at` if that is later than now. It stays the head of its sequence, unless
-- another head still runs: then it waits behind that one.
local function requeue(job, record, at)
  local keys = contact_keys(record)
  if #keys > 0 then
    local root, own, rest = root_of(job.tenant, keys[1]), nil, {}
    for _, head in ipairs(heads_of(job.tenant, root)) do
      if head.place == job.place then own = head else rest[#rest + 1] = head end
    end
    if own and #rest > 0 then
      set_heads(job.tenant, root, rest)
      return block(job.tenant, root, own.place, own.order, priority_of(job.ticket))
    end
  end
  if at > now then return gather('ZADD', WAIT .. job.lane, whole(at), job.ticket) end
  local effective = priority_at_head(job, keys)
  put_due(job.lane, job.ticket, rank_of(due_of(record), effective), effective)
end
