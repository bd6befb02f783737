-- A person decides that an ambiguous dead letter did take effect: it is done.
-- arg: tenant; id; deadAt (ms: the death that was looked at); effect (its id, or nil); result (JSON).
-- Returns 'ok', 'not-dead', 'unknown', 'changed' (it has died again since it was looked at), 'not-ambiguous' or 'taken' (the effect is another job's).
transition(function()
  local dead, code = find_dead(arg.tenant, arg.id, arg.deadAt)
  if not dead then return code end
  if dead.cause ~= 'ambiguous' then return 'not-ambiguous' end
  if is_anothers(arg.tenant, arg.effect, arg.id) then return 'taken' end
  if arg.effect then redis.call('HSET', EFFECTS .. arg.tenant, arg.effect, arg.id) end
  unlist_dead(dead)
  redis.call('HSET', JOB .. arg.tenant, arg.id, pack_done(fingerprint_of(dead.record), 0, arg.result))
  redis.call('DEL', RUN .. dead.key, HISTORY .. dead.key)
  redis.call('RPUSH', ENDED, string.format('%.0f/%s', now, dead.key))
  redis.call('HINCRBY', COUNTS, 'done', 1)
  return 'ok'
end)
