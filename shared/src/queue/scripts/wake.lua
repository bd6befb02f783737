-- Puts a wake-up token back that was taken for nothing.
-- Returns 'ok'.
wake()
return 'ok'
