-- Groups: jobs that one call delivers. The leader has the lease, the permit and the place that any job has; its riders run under its token,
-- and come back as it does, unless they have ended. `groups` holds each leader's riders, a line each: the order in which it stood behind the
-- leader, or '-' if it heads a sequence of its own, and its reference.
local function riders_of(leader)
  local riders = {}
  for order, ref in string.gmatch(redis.call('HGET', GROUPS, leader) or '', '(%S+) ([^\n]+)\n') do
    riders[#riders + 1] = { ref = ref, order = tonumber(order) }
  end
  return riders
end

local function store_group(leader, riders)
  local lines = {}
  for i, rider in ipairs(riders) do lines[i] = (rider.order and whole(rider.order) or '-') .. ' ' .. rider.ref .. '\n' end
  gather('HSET', GROUPS, leader, table.concat(lines))
end

-- A rider that has not ended is where it was before: behind its leader, or a head in its lane, if not later.
local function return_rider(job, order, record, at)
  if not order then return requeue(job, record, at) end
  block(job.tenant, root_of(job.tenant, contact_keys(record)[1]), job.place, order)
end

-- The leader's run has ended: the riders that have not come back, as if they had not been taken. Of one that is `lost` nobody knows what
-- its call did.
local function disband(leader, token, lost)
  flush()
  for _, rider in ipairs(riders_of(leader)) do
    if holder_of(rider.ref) == token then
      local job = parse_ref(rider.ref)
      redis.call('HDEL', RUNNING, rider.ref)
      if lost then lost(job) end
      return_rider(job, rider.order, record_of(job), now)
    end
  end
  redis.call('HDEL', GROUPS, leader)
end

-- The API's id of the contact that the record names in another way, if it is remembered.
local function remembered(tenant, record)
  return redis.call('GET', CONTACT .. tenant .. '/' .. contact_keys(record)[1]) or nil
end

-- What is stored of due jobs, and what earlier deliveries have left. Nobody has ever had what comes out of the line: it has no run.
local function read_due(lane, due)
  local _, tenant = parse_lane(lane.name)
  local ids = {}
  for i, found in ipairs(due) do ids[i] = string.sub(found.ticket, 2) end
  local records = redis.call('HMGET', JOB .. tenant, unpack(ids))
  for i, found in ipairs(due) do
    found.ref, found.record, found.riders = lane.name .. '/' .. found.ticket, records[i] or '', {}
    found.run = found.key and redis.call('HGETALL', RUN .. tenant .. '/' .. ids[i]) or {}
  end
end

-- Only what nobody has had yet becomes part of a group; where a breaker is open each call is a probe.
local function group_key(lane, record, run)
  if arg.coalesce <= 1 or lane.stored.open or #run > 0 then return '' end
  return merge_key(record)
end

-- With which others the job may become one call for many contacts: those that get the same tags.
local function bulk_key(lane, due)
  local key = group_key(lane, due.record, due.run)
  local kind = string.sub(key, 1, 1)
  if kind == 'T' then
    local _, tenant = parse_lane(lane.name)
    due.contact = remembered(tenant, due.record)
  end
  return (kind == 't' or due.contact) and string.sub(key, 2) or nil
end

-- The next calls of the lane, up to `count` and of up to `most` jobs in all, each with those that ride along. It looks further only while all that
-- it finds goes along. Returns them, and how many jobs they are.
local function next_calls(lane, count, most, only_high)
  local calls, open, look, further, taken = {}, {}, count, 8, 0
  repeat
    local due, left = pop_due(lane, look, only_high), {}
    if #due > 0 then read_due(lane, due) end
    for _, found in ipairs(due) do
      local key = bulk_key(lane, found)
      local leader = key and open[key]
      if leader then
        leader.riders[#leader.riders + 1] = found
        if #leader.riders + 1 >= arg.coalesce then open[key] = nil end
      elseif #calls < count then
        calls[#calls + 1] = found
        if key then open[key] = found end
      else
        left[#left + 1] = found
      end
    end
    put_back(lane, left)
    taken = taken + #due - #left
    local all_went = #due == look and #left == 0
    look = math.min(#calls < count and count - #calls or further, most - taken)
    further = 2 * further
  until not all_went or look <= 0 or not next(open)
  return calls, taken
end

-- Up to `most` of those that stand behind the job in its contact's sequence, and may become one call with it, ride along.
local function take_neighbours(lane, call, most)
  local key = group_key(lane, call.record, call.run)
  if key == '' or #call.riders > 0 or most <= 0 or count_blocked(0) <= 0 then return end
  local _, tenant = parse_lane(lane.name)
  local root = root_of(tenant, contact_keys(call.record)[1])
  local blocked = BLOCKED .. tenant .. '/' .. root
  local behind = redis.call('ZRANGE', blocked, 0, math.min(arg.coalesce - 1, most) - 1, 'WITHSCORES')
  local kind = string.lower(string.sub(key, 1, 1))
  for i = 1, #behind, 2 do
    local its_lane, ticket = split_place(tenant, behind[i])
    local job = job_of(its_lane, ticket)
    local record = record_of(job)
    local run = redis.call('EXISTS', RUN .. key_of(job)) == 1 and { 1 } or {}
    if its_lane ~= lane.name or string.lower(string.sub(group_key(lane, record, run), 1, 1)) ~= kind then return end
    redis.call('ZREM', blocked, behind[i])
    count_priority(tenant, root, priority_of(ticket), -1)
    count_blocked(-1)
    call.riders[#call.riders + 1] = { ref = job.ref, record = record, order = tonumber(behind[i + 1]) }
  end
end
