-- Replaces a dead letter's payload; it stays dead until it is retried.
-- arg: tenant; id; deadAt (ms: the death that was looked at).
-- ARGV[3]: what is stored of it after its due time, as in enqueue.lua.
-- Returns 'ok', 'not-dead', 'unknown', 'changed' (it has died again since it was looked at) or 'undecided' (what was sent may have taken
-- effect: that is decided first).
transition(function()
  local dead, code = find_dead(arg.tenant, arg.id)
  if not dead then return code end
  if tonumber(redis.call('HGET', RUN .. dead.key, 'deadAt')) ~= arg.deadAt then return 'changed' end
  if redis.call('HEXISTS', RUN .. dead.key, 'intent') == 1 then return 'undecided' end
  redis.call('HSET', JOB .. arg.tenant, arg.id, pack_time(now) .. ARGV[3])
  redis.call('HDEL', RUN .. dead.key, 'contact')
  return 'ok'
end)
