-- A person says whether a tenant may write.
-- arg: said, access (the keys of what was said, and of what has changed); tenant; writes ('1', '0', or '': nothing is said of it any more).
-- Returns 'ok'.
transition(function()
  redis.call('HSET', arg.said, arg.tenant, arg.writes)
  redis.call('HINCRBY', arg.access, 'changes', 1)
  return 'ok'
end)
