-- The one clock of the system is Redis' own. A test may pass its own time as ARGV[1].
-- It is cut to whole milliseconds: what must not come too early is reckoned from `now + cut`.
local now, cut

-- Named arguments are a MessagePack map in ARGV[2].
local ARGV, arg

-- What is known of earlier calls is forgotten as one begins.
local resets = {}

local function begin(keys, args)
  name_keys(keys[1])
  ARGV = args
  now, cut = tonumber(ARGV[1]), 0
  if not now then
    cut = 1
    local time = redis.call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  arg = cmsgpack.unpack(ARGV[2]) or {}
  for _, reset in ipairs(resets) do reset() end
end

-- Whole numbers are passed as text: Redis would write a number of Lua's with 17 digits, which takes long.
local function whole(value)
  return string.format('%d', value)
end
