-- Redis' clock was set: a worker has seen by its own, monotonic one that it went on by more or less than time has passed. The moments of the
-- lanes move with it (part/ledger.lua), and no lease ends for it.
-- arg: by (ms, negative if it was set back); known (what it was set by in all before, as the worker knows it); lease, late (ms).
-- Returns {what it was set by in all, the quotas in force, with which reindex.lua is to be called, or '': it need not}. Who comes with an old number
-- has seen what another one has told already, and changes nothing.

-- Far more than are ever out.
local MOST_LEASES = 5000

transition(function()
  local all = tonumber(redis.call('HGET', CONFIG, 'shift')) or 0
  if all ~= arg.known then return { all, '' } end
  redis.call('HSET', CONFIG, 'shift', whole(all + arg.by), 'stepped', whole(now), 'slack', whole(arg.lease + arg.late), 'grace', whole(now + arg.lease), 'pulse', whole(now))
  -- Set back, every lane stands too far in the future, and so do the leases, which those prolong that live.
  local longest = whole(now + arg.lease)
  local too_long = redis.call('ZRANGEBYSCORE', LEASES, '(' .. longest, '+inf', 'LIMIT', 0, MOST_LEASES)
  for _, ref in ipairs(too_long) do gather('ZADD', LEASES, longest, ref) end
  -- Whichever way, every lane is to be looked at soon: what was entered since is known by its moment, until that has come.
  redis.call('HDEL', CONFIG, 'reindexed', 'ahead')
  local in_force = redis.call('HMGET', CONFIG, 'burst', 'daily')
  return finish({ all + arg.by, in_force[1] and in_force[1] .. ' ' .. in_force[2] or '' })
end)
