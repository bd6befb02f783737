-- A worker starts, or says again that it lives: the lowest quota among the living workers is in force.
-- arg: worker; workerTtl (ms); burst, daily ('calls/ms'); about {name = value, …}.
-- Returns {burst, daily} in force.
local key = WORKER .. arg.worker
redis.call('ZREMRANGEBYSCORE', WORKERS, '-inf', now - arg.workerTtl)
redis.call('ZADD', WORKERS, now, arg.worker)
redis.call('HSET', key, 'burst', arg.burst, 'daily', arg.daily)
for name, value in pairs(arg.about) do redis.call('HSET', key, name, value) end
redis.call('PEXPIRE', key, arg.workerTtl)

local function stricter(a, b)
  local a_calls, a_span = string.match(a, '^(%d+)/(%d+)$')
  local b_calls, b_span = string.match(b, '^(%d+)/(%d+)$')
  if not b_calls then return a end
  local difference = a_calls / a_span - b_calls / b_span
  if difference < 0 or (difference == 0 and tonumber(a_calls) < tonumber(b_calls)) then return a end
  return b
end

local burst, daily = arg.burst, arg.daily
for _, worker in ipairs(redis.call('ZRANGE', WORKERS, 0, 999)) do
  local theirs = redis.call('HMGET', WORKER .. worker, 'burst', 'daily')
  burst, daily = stricter(burst, theirs[1] or ''), stricter(daily, theirs[2] or '')
end
local before = redis.call('HMGET', CONFIG, 'burst', 'daily')
if before[1] ~= burst or before[2] ~= daily then
  redis.call('HSET', CONFIG, 'burst', burst, 'daily', daily)
  -- Their moments were reckoned by the quotas before: every lane is looked at again, and put where it belongs.
  redis.call('ZUNIONSTORE', LANES, 1, LANES, 'WEIGHTS', 0)
end
return { burst, daily }
