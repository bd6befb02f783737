-- A worker starts, or says again that it lives. In force is what keeps every living worker's quota: the fewest calls in the longest window.
-- arg: worker; workerTtl, silence (ms); burst, daily ('calls/ms'); about {name = value, …}.
-- Returns {burst, daily, differ, stale}: the quotas in force; 1 if not all living workers have the same, else 0; and 1 if lanes still stand where
-- other quotas had put them, else 0: then reindex.lua is to be called.
local function both(a, b)
  local a_calls, a_span = string.match(a, '^(%d+)/(%d+)$')
  local b_calls, b_span = string.match(b, '^(%d+)/(%d+)$')
  if not b_calls then return a end
  return string.format('%.0f/%.0f', math.min(a_calls, b_calls), math.max(a_span, b_span))
end

transition(function()
  local key = WORKER .. arg.worker
  notice_server()
  redis.call('ZREMRANGEBYSCORE', WORKERS, '-inf', now - arg.workerTtl)
  redis.call('ZADD', WORKERS, whole(now), arg.worker)
  redis.call('HSET', key, 'burst', arg.burst, 'daily', arg.daily)
  for name, value in pairs(arg.about) do redis.call('HSET', key, name, value) end
  redis.call('PEXPIRE', key, arg.workerTtl)

  local burst, daily, differ = arg.burst, arg.daily, 0
  for _, worker in ipairs(redis.call('ZRANGE', WORKERS, 0, 999)) do
    local theirs = redis.call('HMGET', WORKER .. worker, 'burst', 'daily')
    if (theirs[1] and theirs[1] ~= arg.burst) or (theirs[2] and theirs[2] ~= arg.daily) then differ = 1 end
    burst, daily = both(burst, theirs[1] or ''), both(daily, theirs[2] or '')
  end
  redis.call('HSET', CONFIG, 'burst', burst, 'daily', daily)
  local stale = redis.call('HGET', CONFIG, 'reindexed') ~= burst .. ' ' .. daily
  return { burst, daily, differ, stale and 1 or 0 }
end)
