-- The one clock of the system is Redis' own. A test may pass its own time as ARGV[1].
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local arg = cmsgpack.unpack(ARGV[2])
