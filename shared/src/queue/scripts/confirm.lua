-- Writes something, and nothing that anybody reads: WAIT on the same connection then waits for what this server has written so far.
-- Returns 'ok'.
transition(function()
  redis.call('HINCRBY', CONFIG, 'confirmed', 1)
  return 'ok'
end)
