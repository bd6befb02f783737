-- Sets how lanes of a tenant are governed: paused, resumed (which also ends a hold), its own quotas.
-- arg: lanes; reserve, spread; set {field = value, …} and clear {field, …} among 'paused', 'hold', 'holdFor', 'why', 'open', 'failures', 'burst', 'daily', 'weight';
--   reauthorise (true: its token is no longer known as refused).
-- Returns 'ok'.
transition(function()
  -- Who may not read this may not govern: then nothing is written.
  redis.call('HGET', REFUSED, arg.lanes[1])
  for _, lane in ipairs(arg.lanes) do
    for name, value in pairs(arg.set) do redis.call('HSET', LANE .. lane, name, value) end
    for _, name in ipairs(arg.clear) do redis.call('HDEL', LANE .. lane, name) end
    if arg.reauthorise then redis.call('HDEL', REFUSED, lane) end
  end
  -- Nobody has to look for weights before there is one.
  if arg.set.weight then redis.call('HSET', CONFIG, 'weighted', 1) end
  for _, lane in ipairs(arg.lanes) do announce_lane(lane_of(lane)) end
  return finish('ok')
end)
