-- Stores what one record is in several systems, if that still is what it was when it was read.
-- arg: stored, records (the keys of the link, and of all records of its tenant); link (its id); version (that which was read; 0: it is new);
--   names (`<system>/<record>` of all that it is); merged (ids of links that became part of it, with the keys under which they are stored:
--   {id = key, …}); fields {name = value, …}.
-- Returns 'stored', or 'overtaken': it was written since, or a record is another link's.
transition(function()
  if (tonumber(redis.call('HGET', arg.stored, 'version')) or 0) ~= arg.version then return 'overtaken' end
  for _, name in ipairs(arg.names) do
    local of = redis.call('HGET', arg.records, name)
    if of and of ~= arg.link and not arg.merged[of] then return 'overtaken' end
  end
  for _, key in pairs(arg.merged) do redis.call('DEL', key) end
  for _, name in ipairs(arg.names) do redis.call('HSET', arg.records, name, arg.link) end
  local fields = { 'version', whole(arg.version + 1) }
  for name, value in pairs(arg.fields) do
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
  redis.call('HSET', arg.stored, unpack(fields))
  return 'stored'
end)
