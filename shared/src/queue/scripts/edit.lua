-- Replaces a dead letter's payload; it stays dead until it is retried.
-- arg: tenant; id; deadAt (ms: the death that was looked at).
-- ARGV[3]: what is stored of it after its due time, as in enqueue.lua.
-- Returns 'ok', 'not-dead', 'unknown', 'changed' (it has died again since it was looked at) or 'undecided' (what was sent may have taken
-- effect: that is decided first).
transition(function()
  local dead, code = find_dead(arg.tenant, arg.id)
  if not dead then return code end
  if tonumber(redis.call('HGET', RUN .. dead.key, 'deadAt')) ~= arg.deadAt then return 'changed' end
  local run_key = RUN .. dead.key
  if redis.call('HEXISTS', run_key, 'intent') == 1 or redis.call('HGET', run_key, 'cause') == 'ambiguous' then return 'undecided' end
  redis.call('HSETNX', run_key, 'firstDue', whole(due_of(dead.record)))
  redis.call('HSET', JOB .. arg.tenant, arg.id, pack_time(now) .. ARGV[3])
  -- What came of the other payload says nothing of this one.
  redis.call('HDEL', run_key, 'contact', 'orphan', 'late')
  return 'ok'
end)
