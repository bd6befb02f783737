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
  block(job.tenant, root_of(job.tenant, contact_keys(record)[1]), job.place, order, priority_of(job.ticket))
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
