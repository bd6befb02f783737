-- Prolongs leases, and is the worker's heartbeat.
-- arg: worker; lease, silence, workerTtl (ms).  ARGV[3…]: two per job: reference, token.
-- Returns {now, references that are no longer this worker's…}: their holder must send and write nothing.
redis.call('ZADD', WORKERS, now, arg.worker)
redis.call('PEXPIRE', WORKER .. arg.worker, arg.workerTtl)
local pulse = redis.call('HGET', CONFIG, 'pulse')
if pulse and now - tonumber(pulse) > arg.silence then redis.call('HSET', CONFIG, 'grace', now + arg.lease) end
redis.call('HSET', CONFIG, 'pulse', now)
local out = { now }
for i = 3, #ARGV, 2 do
  local job = parse_ref(ARGV[i])
  if redis.call('HGET', RUN .. job.key, 'token') == ARGV[i + 1] then
    redis.call('ZADD', LEASES, 'XX', now + arg.lease, job.ref)
  else
    out[#out + 1] = job.ref
  end
end
return out
