-- What the transitions of a dead letter share. `dead_at` (ms): the death that was looked at, '' if it may be any; a later one is another matter.
local function find_dead(tenant, id, dead_at)
  local key = tenant .. '/' .. id
  local run = redis.call('HMGET', RUN .. key, 'deadAt', 'cause', 'lane')
  if not run[1] then
    return nil, redis.call('HEXISTS', JOB .. tenant, id) == 1 and 'not-dead' or 'unknown'
  end
  if dead_at ~= '' and tonumber(run[1]) ~= tonumber(dead_at) then return nil, 'changed' end
  return { key = key, tenant = tenant, id = id, cause = run[2], lane = run[3], record = redis.call('HGET', JOB .. tenant, id) }
end

local function unlist_dead(dead)
  redis.call('ZREM', DEAD, dead.key)
  redis.call('ZREM', DEAD_TENANT .. dead.tenant, dead.key)
  redis.call('ZREM', DEAD_CAUSE .. dead.cause, dead.key)
  if redis.call('HINCRBY', CAUSES, dead.cause, -1) <= 0 then redis.call('HDEL', CAUSES, dead.cause) end
end
