-- Writes down a job's twins, if nobody else has meanwhile.
-- arg: job ('<tenant>/<id>'); before (what was written before, or nil); twins (JSON); most (so many jobs are told of).
-- Returns 'ok', 'meanwhile', or 'full'.
transition(function()
  local before = redis.call('HGET', TWINS, arg.job)
  if before ~= (arg.before or false) then return 'meanwhile' end
  if not before and redis.call('HLEN', TWINS) >= arg.most then return 'full' end
  redis.call('HSET', TWINS, arg.job, arg.twins)
  return 'ok'
end)
