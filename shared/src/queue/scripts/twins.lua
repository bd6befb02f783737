-- Writes down a job's twins, if nobody else has meanwhile.
-- arg: job ('<tenant>/<id>/<life>'); before (what was written before, or nil); twins (JSON); most (so many jobs are told of: the oldest goes);
-- found_ms (when the first of them was found).
-- Returns 'ok' or 'meanwhile'.
transition(function()
  local before = redis.call('HGET', TWINS, arg.job)
  if before ~= (arg.before or false) then return 'meanwhile' end
  while not before and redis.call('HLEN', TWINS) >= arg.most do
    local oldest = redis.call('ZPOPMIN', TWINS_FOUND)[1]
    if not oldest then break end
    redis.call('HDEL', TWINS, oldest)
  end
  redis.call('HSET', TWINS, arg.job, arg.twins)
  redis.call('ZADD', TWINS_FOUND, arg.found_ms, arg.job)
  return 'ok'
end)
