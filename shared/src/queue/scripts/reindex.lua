-- Other quotas are in force than those by which lanes were put at their moments: some of them are looked at again, and put where they belong.
-- arg: cursor ('0' to begin); limit (about so many lanes); quotas: those in force, noted as the last lane has been passed.
-- Returns the next cursor, '0' at the end.
transition(function()
  local page = redis.call('ZSCAN', LANES, arg.cursor, 'COUNT', arg.limit)
  for i = 1, #page[2], 2 do
    if tonumber(page[2][i + 1]) > now then gather('ZADD', LANES, whole(now), page[2][i]) end
  end
  if page[1] == '0' then redis.call('HSET', CONFIG, 'reindexed', arg.quotas) end
  return finish(page[1])
end)
