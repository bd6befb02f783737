-- Stores what one record is in several systems, if that still is what it was when it was read.
-- arg: link (its id); keys (those under which it is stored: link, known, told); records (the key of all records of its tenant); version (that
--   which was read; 0: it is new); names (`<system>/<record>` of all that it is); dropped (the same of what it is no more); merged (links that
--   became part of it: {id = {version, keys}, …}); stored (what it is, JSON; nil: it ends); known and told (JSON; nil: nothing), and for how
--   long these are kept after they were written last (known_ms, told_ms); graves (records that are gone: {key, gone}, …, JSON), for how long
--   these are kept (gone_ms), and alive (the keys of those that are not gone).
-- Returns 'stored', or 'overtaken': it, or one that became part of it, was written since, or a record is another link's.
transition(function()
  local function is_as_read(keys, version) return (tonumber(redis.call('HGET', keys.link, 'version')) or 0) == version end
  local function forget(keys)
    for _, key in pairs(keys) do redis.call('DEL', key) end
  end
  if not is_as_read(arg.keys, arg.version) then return 'overtaken' end
  for _, other in pairs(arg.merged) do
    if not is_as_read(other.keys, other.version) then return 'overtaken' end
  end
  local function is_ours(of) return of == arg.link or arg.merged[of] ~= nil end
  for _, name in ipairs(arg.names) do
    local of = redis.call('HGET', arg.records, name)
    if of and not is_ours(of) then return 'overtaken' end
  end
  for _, other in pairs(arg.merged) do forget(other.keys) end
  for _, name in ipairs(arg.dropped) do
    local of = redis.call('HGET', arg.records, name)
    if of and is_ours(of) then redis.call('HDEL', arg.records, name) end
  end
  for _, grave in ipairs(arg.graves) do redis.call('SET', grave.key, grave.gone, 'PX', whole(arg.gone_ms)) end
  for _, key in ipairs(arg.alive) do redis.call('DEL', key) end
  if not arg.stored then
    forget(arg.keys)
    return 'stored'
  end
  for _, name in ipairs(arg.names) do redis.call('HSET', arg.records, name, arg.link) end
  redis.call('HSET', arg.keys.link, 'version', whole(arg.version + 1), 'records', arg.stored)
  redis.call('SET', arg.keys.known, arg.known, 'PX', whole(arg.known_ms))
  if arg.told then redis.call('SET', arg.keys.told, arg.told, 'PX', whole(arg.told_ms)) else redis.call('DEL', arg.keys.told) end
  return 'stored'
end)
