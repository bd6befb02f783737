-- A worker starts, or says again that it lives. In force is what keeps every living worker's quota: the fewest calls in the longest window.
-- arg: worker; workerTtl, silence (ms); quotas {name = 'calls/ms', …}: `burst` and `daily`, for other destinations than GHL `burst@<destination>` and
--   `daily@<destination>`; about {name = value, …}.
-- Returns {burst, daily, differ, stale}: GHL's quotas in force; 1 if not all living workers have the same quotas, else 0; and all quotas in force if
-- lanes still stand where others had put them, else '': then reindex.lua is to be called with these.
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
  for name, quota in pairs(arg.quotas) do redis.call('HSET', key, name, quota) end
  for name, value in pairs(arg.about) do redis.call('HSET', key, name, value) end
  redis.call('PEXPIRE', key, arg.workerTtl)

  local in_force, differ, workers = {}, 0, redis.call('ZRANGE', WORKERS, 0, 999)
  for name, quota in pairs(arg.quotas) do
    in_force[name] = quota
    for _, worker in ipairs(workers) do
      local theirs = redis.call('HGET', WORKER .. worker, name)
      if theirs and theirs ~= quota then differ = 1 end
      in_force[name] = both(in_force[name], theirs or '')
    end
    redis.call('HSET', CONFIG, name, in_force[name])
  end
  local all = all_in_force()
  return { in_force.burst, in_force.daily, differ, redis.call('HGET', CONFIG, 'reindexed') ~= all and all or '' }
end)
