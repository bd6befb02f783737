-- Redis' clock was set: a worker has seen by its own, monotonic one that it went on by more or less than time has passed. The moments of the
-- lanes move with it (part/ledger.lua), and no lease ends for it.
-- arg: by (ms, negative if it was set back); known (what it was set by in all before, as the worker knows it); lease, late, silence (ms).
-- Returns {what it was set by in all, the quotas in force, with which reindex.lua is to be called, or '': it need not}. Who comes with an old number
-- has seen what another one has told already, and changes nothing.

-- Far more than are ever out.
local MOST_LEASES = 5000
-- For so little (ms) no takeover waits: a clock that is corrected slowly is told of time and again.
local LITTLE = 500
-- What is told may be too much by so long (ms) as an answer may take.
local ANSWER = 5000

-- When a lapse was noticed, by the new clock. It may have been noticed after the clock was set: then it was by that already.
local function moved(filled)
  if arg.by < 0 then return filled > now and math.min(filled + arg.by, now) or filled end
  return filled + arg.by <= now + ANSWER and math.min(filled + arg.by, now) or filled
end

-- Set back, they stand too far in the future; set ahead, not far enough. Those prolong them that live.
local function move_leases()
  local longest = now + arg.lease
  local ahead = math.max(arg.by, 0)
  local leases = redis.call('ZRANGEBYSCORE', LEASES, ahead > 0 and '-inf' or '(' .. whole(longest), '+inf', 'WITHSCORES', 'LIMIT', 0, MOST_LEASES)
  for i = 1, #leases, 2 do gather('ZADD', LEASES, whole(math.min(tonumber(leases[i + 1]) + ahead, longest)), leases[i]) end
end

-- Whether Redis was away, too: the last sign of life is from before the clock was set, or by the new clock already.
local function was_away(pulse)
  if not pulse then return false end
  local is_before = arg.by > 0 or pulse > now
  return now - (is_before and arg.by or 0) - pulse > arg.silence
end

transition(function()
  notice_server()
  local config = redis.call('HMGET', CONFIG, 'shift', 'filled', 'pulse', 'grace')
  local all, filled, pulse = tonumber(config[1]) or 0, tonumber(config[2]), tonumber(config[3])
  if all ~= arg.known then return { all, '' } end
  redis.call('HSET', CONFIG, 'shift', whole(all + arg.by), 'stepped', whole(now), 'slack', whole(arg.lease + arg.late), 'pulse', whole(now))
  if filled then redis.call('HSET', CONFIG, 'filled', whole(moved(filled))) end
  local grace = tonumber(config[4]) or 0
  if arg.by > LITTLE or was_away(pulse) or grace > now + arg.lease then redis.call('HSET', CONFIG, 'grace', whole(now + arg.lease)) end
  if arg.by <= LITTLE then move_leases() end
  -- Whichever way, every lane is to be looked at soon: what was entered since is known by its moment, until that has come.
  redis.call('HDEL', CONFIG, 'reindexed', 'ahead')
  return finish({ all + arg.by, all_in_force() })
end)
