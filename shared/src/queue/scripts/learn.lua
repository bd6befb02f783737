-- The API has said whose references these are: they are remembered, and their sequences are one from now on.
-- arg: tenant; contact (its id); keys (list of contact keys, the id's own first); ttl (ms); lane; headStart; reserve, spread; moves (bound).
-- Returns 'ok'.
transition(function()
  for i = 2, #arg.keys do
    redis.call('SET', CONTACT .. arg.tenant .. '/' .. arg.keys[i], arg.contact, 'PX', arg.ttl)
  end
  -- Whoever has come due takes part in it.
  join_due(arg.lane, moves_left)
  unite(arg.tenant, arg.keys, now)
  -- A head that counts as high now may have the day's reserve.
  lane_of(arg.lane)
  for _, lane in pairs(lanes) do announce_lane(lane) end
  return finish('ok')
end)
