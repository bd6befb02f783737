-- Prolongs leases, and is the worker's heartbeat.
-- arg: worker; lease, silence, workerTtl (ms); known, seen, since, latest, slow (see part/era.lua).  ARGV[3…]: two per job: reference, token.
-- Returns {now, number of the command, a token, references that are no longer this worker's…}: their holder must send and write nothing. Of leases that
-- go with no greater token it is not known whether others had their jobs meanwhile: one that has ended is not prolonged (part/era.lua).
transition(function()
  local tick, doubt, barrier = watch(arg.worker)
  redis.call('ZADD', WORKERS, whole(now), arg.worker)
  redis.call('PEXPIRE', WORKER .. arg.worker, arg.workerTtl)
  local pulse = redis.call('HGET', CONFIG, 'pulse')
  if pulse and now - tonumber(pulse) > arg.silence then redis.call('HSET', CONFIG, 'grace', whole(now + arg.lease)) end
  redis.call('HSET', CONFIG, 'pulse', whole(now))
  local uncertain = doubt and tonumber(redis.call('HGET', CONFIG, 'fence')) or 0
  local out, refs = { now, tick, whole(math.max(barrier, uncertain)) }, {}
  for i = 3, #ARGV, 2 do refs[#refs + 1] = ARGV[i] end
  local holders = #refs > 0 and redis.call('HMGET', RUNNING, unpack(refs)) or {}
  for i, ref in ipairs(refs) do
    if parse_holder(holders[i]) == ARGV[2 * i + 2] then
      gather('ZADD', LEASES, whole(now + arg.lease), ref)
    else
      out[#out + 1] = ref
    end
  end
  return finish(out)
end)
