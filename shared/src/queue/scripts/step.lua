-- Redis' clock was set: a worker has seen by its own, monotonic one that it went on by more or less than time has passed. The moments of the
-- lanes move with it (part/ledger.lua), and no lease ends for it.
-- arg: by (ms, negative if it was set back); known (what it was set by in all before, as the worker knows it); lease, late (ms).
-- Returns {what it was set by in all, the quotas in force, with which reindex.lua is to be called, or '': it need not}. Who comes with an old number
-- has seen what another one has told already, and changes nothing.

-- Far more than are ever out.
local MOST_LEASES = 5000
-- By so little (ms) leases may end too early: a clock that is corrected slowly is told of time and again.
local LITTLE = 500
-- What is told may be too much by so long (ms) as an answer may take.
local ANSWER = 5000

-- When a lapse was noticed, by the new clock. It may have been noticed after the clock was set: then it was by that already.
local function moved(filled)
  if arg.by < 0 then return filled > now and math.min(filled + arg.by, now) or filled end
  return filled + arg.by <= now + ANSWER and math.min(filled + arg.by, now) or filled
end

transition(function()
  local config = redis.call('HMGET', CONFIG, 'shift', 'filled', 'burst', 'daily')
  local all, filled = tonumber(config[1]) or 0, tonumber(config[2])
  if all ~= arg.known then return { all, '' } end
  redis.call('HSET', CONFIG, 'shift', whole(all + arg.by), 'stepped', whole(now), 'slack', whole(arg.lease + arg.late))
  if filled then redis.call('HSET', CONFIG, 'filled', whole(moved(filled))) end
  if math.abs(arg.by) > LITTLE then redis.call('HSET', CONFIG, 'grace', whole(now + arg.lease), 'pulse', whole(now)) end
  -- Set back, every lane stands too far in the future, and so do the leases, which those prolong that live.
  local longest = whole(now + arg.lease)
  local too_long = redis.call('ZRANGEBYSCORE', LEASES, '(' .. longest, '+inf', 'LIMIT', 0, MOST_LEASES)
  for _, ref in ipairs(too_long) do gather('ZADD', LEASES, longest, ref) end
  -- Whichever way, every lane is to be looked at soon: what was entered since is known by its moment, until that has come.
  redis.call('HDEL', CONFIG, 'reindexed', 'ahead')
  return finish({ all + arg.by, config[3] and config[3] .. ' ' .. config[4] or '' })
end)
