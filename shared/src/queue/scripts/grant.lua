-- Stores a grant, if it still is what it was when it was read.
-- arg: grant (its name); stored, index, access (the keys of the grant, of all grants, and of who renews them); version (that which was read; 0: there was none) or turn (the fingerprint of the refresh token that was spent for it: who
--   has an answer to that has the only tokens that are good, whoever wrote meanwhile); by (names this write, so that it may be repeated);
--   fence (the refresher's token, where the refresher writes); due (ms, when it is to be renewed; -1: never); fields {name = value, …}.
-- Returns {'stored' | 'overtaken' | 'fenced', its version now}.
local function is_fenced()
  return arg.fence and tonumber(redis.call('HGET', arg.access, 'fence')) ~= arg.fence
end

local function is_expected(version, turn)
  if arg.turn then return turn == arg.turn end
  return version == arg.version
end

transition(function()
  local stored = redis.call('HMGET', arg.stored, 'version', 'by', 'turn')
  local version = tonumber(stored[1]) or 0
  if stored[2] == arg.by then return { 'stored', version } end
  if is_fenced() then return { 'fenced', version } end
  if not is_expected(version, stored[3]) then return { 'overtaken', version } end
  local fields = { 'version', whole(version + 1), 'by', arg.by }
  for name, value in pairs(arg.fields) do
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
  redis.call('HSET', arg.stored, unpack(fields))
  redis.call('ZADD', arg.index, arg.due < 0 and 'inf' or whole(arg.due), arg.grant)
  redis.call('HINCRBY', arg.access, 'changes', 1)
  return { 'stored', version + 1 }
end)
