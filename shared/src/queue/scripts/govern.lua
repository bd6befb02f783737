-- Sets how a lane is governed: paused, resumed (which also ends a hold), its own quotas.
-- arg: lane; reserve, spread; set {field = value, …} and clear {field, …} among 'paused', 'hold', 'holdFor', 'why', 'open', 'failures', 'burst', 'daily', 'weight';
--   reauthorise (true: its token is no longer known as refused).
-- Returns 'ok'.
transition(function()
  -- Who may not read this may not govern: then nothing is written.
  redis.call('HGET', REFUSED, arg.lane)
  for name, value in pairs(arg.set) do redis.call('HSET', LANE .. arg.lane, name, value) end
  for _, name in ipairs(arg.clear) do redis.call('HDEL', LANE .. arg.lane, name) end
  -- Nobody has to look for weights before there is one.
  if arg.set.weight then redis.call('HSET', CONFIG, 'weighted', 1) end
  if arg.reauthorise then redis.call('HDEL', REFUSED, arg.lane) end
  announce_lane(lane_of(arg.lane))
  return finish('ok')
end)
