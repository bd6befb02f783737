-- Replaces a dead letter's payload; it stays dead until it is retried.
-- arg: tenant; id; deadAt (ms: the death that was looked at); keys (11 bytes each).
-- ARGV[3…]: fingerprint (16 bytes), body: MessagePack's bytes are not for Redis' reader.
-- Returns 'ok', 'not-dead', 'unknown', 'changed' (it has died again since it was looked at) or 'undecided' (what was sent may have taken
-- effect: that is decided first).
local dead, code = find_dead(arg.tenant, arg.id)
if not dead then return code end
if tonumber(redis.call('HGET', RUN .. dead.key, 'deadAt')) ~= arg.deadAt then return 'changed' end
if redis.call('HEXISTS', RUN .. dead.key, 'intent') == 1 then return 'undecided' end
redis.call('HSET', JOB .. arg.tenant, arg.id, pack_job(ARGV[3], now, arg.keys, ARGV[4]))
redis.call('HDEL', RUN .. dead.key, 'contact')
return 'ok'
