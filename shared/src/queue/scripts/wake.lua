-- Puts a wake-up token back that was taken for nothing.
-- Returns 'ok'.
transition(function()
  wake()
  return 'ok'
end)
