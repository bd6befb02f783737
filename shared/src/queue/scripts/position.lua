-- How many due jobs of a lane go before one of them.
-- arg: lane; due (ms: when the job became due).  ARGV[3…]: the tickets that it may have.
-- Returns the number, or -1 if none of them is due.
local line

local function rank_at(index)
  local entry = redis.call('LINDEX', line, index)
  return entry and struct.unpack('>I6', string.sub(entry, 1, 6)) or math.huge
end

-- The first place in the line whose rank is at least `rank`.
local function place_of(rank)
  local from, to = 0, redis.call('LLEN', line)
  while from < to do
    local middle = math.floor((from + to) / 2)
    if rank_at(middle) < rank then from = middle + 1 else to = middle end
  end
  return from
end

local function before(rank, in_line)
  local bound = '(' .. string.format('%.0f', rank)
  return redis.call('ZCOUNT', HIGH .. arg.lane, '-inf', bound) + redis.call('ZCOUNT', DUE .. arg.lane, '-inf', bound) + in_line
end

transition(function()
  line = LINE .. arg.lane
  for i = 3, #ARGV do
    local rank = redis.call('ZSCORE', HIGH .. arg.lane, ARGV[i]) or redis.call('ZSCORE', DUE .. arg.lane, ARGV[i])
    if rank then return before(tonumber(rank), place_of(tonumber(rank))) end
  end
  -- Many may have come within its millisecond.
  local first = place_of(arg.due)
  for at, entry in ipairs(redis.call('LRANGE', line, first, first + 9999)) do
    for i = 3, #ARGV do
      if string.sub(entry, 7) == ARGV[i] then return before(arg.due, first + at - 1) end
    end
    if struct.unpack('>I6', string.sub(entry, 1, 6)) > arg.due then break end
  end
  return -1
end)
