-- The one clock of the system is Redis' own. A test may pass its own time as ARGV[1].
-- It is cut to whole milliseconds: what must not come too early is reckoned from `now + cut`.
local now, cut = tonumber(ARGV[1]), 0
if not now then
  cut = 1
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local arg = cmsgpack.unpack(ARGV[2])
