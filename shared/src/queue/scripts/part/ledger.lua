-- The permit ledger of a lane (law 3). A permit is in flight from its claim until the call has been answered or can no longer arrive,
-- and comes back one window after that. Per window a sum (`burstUsed`, `dayUsed`) and a ring of `<moment>:<count>` by moment of return,
-- rounded up to a hundredth of the window, so that its size does not grow with the quota; and the window (`burstSpan`, `daySpan`) by which
-- they return.
local DAILY = 2
local WINDOWS = {
  { quota = 'burst', used = 'burstUsed', span = 'burstSpan', ring = function(lane) return BURST .. lane end },
  { quota = 'daily', used = 'dayUsed', span = 'daySpan', ring = function(lane) return DAY .. lane end },
}
local LANE_FIELDS = { 'burst', 'daily', 'burstUsed', 'dayUsed', 'burstSpan', 'daySpan', 'flying', 'paused', 'hold', 'why', 'failures', 'open',
  'ghosts' }

-- The window is another than when these permits were given back: all return that much later, or earlier.
local function shift(ring, by)
  local entries = redis.call('ZRANGE', ring, 0, -1, 'WITHSCORES')
  redis.call('DEL', ring)
  for i = 1, #entries, 2 do
    local at = tonumber(entries[i + 1]) + by
    redis.call('ZADD', ring, at, string.format('%.0f:%s', at, string.match(entries[i], ':(%d+)$')))
  end
end

-- What is known of a lane while the script runs: `stored` is its hash; `write_lane` writes back what has been `set`.
local lanes, in_force
resets[#resets + 1] = function() lanes, in_force = {}, nil end

local function set(lane, field, value)
  lane.stored[field] = value
  lane.changed[field] = true
end

-- Takes back the permits whose moment has come.
local function read_window(lane, window, default)
  local stored = lane.stored
  local quota = stored[window.quota] or default or ''
  local calls, span = string.match(quota, '^(%d+)/(%d+)$')
  span = tonumber(span) or 0
  local used, kept = tonumber(stored[window.used]) or 0, tonumber(stored[window.span]) or span
  if used > 0 then
    local ring = window.ring(lane.name)
    if span ~= kept then shift(ring, span - kept) end
    local back = redis.call('ZRANGEBYSCORE', ring, '-inf', now)
    if #back > 0 then
      for _, entry in ipairs(back) do used = used - tonumber(string.match(entry, ':(%d+)$')) end
      redis.call('ZREMRANGEBYSCORE', ring, '-inf', now)
      set(lane, window.used, used)
    end
    if span ~= tonumber(stored[window.span]) then set(lane, window.span, span) end
  end
  -- Without a quota in force (no worker has ever registered) nothing may be sent.
  return { quota = quota, calls = tonumber(calls) or 0, span = span, used = used }
end

local function lane_of(name)
  local lane = lanes[name]
  if lane then return lane end
  in_force = in_force or redis.call('HMGET', CONFIG, 'burst', 'daily')
  lane = { name = name, stored = {}, changed = {}, returned = {} }
  local values = redis.call('HMGET', LANE .. name, unpack(LANE_FIELDS))
  for i, field in ipairs(LANE_FIELDS) do lane.stored[field] = values[i] or nil end
  lane.flying = tonumber(lane.stored.flying) or 0
  for i, window in ipairs(WINDOWS) do lane[i] = read_window(lane, window, in_force[i]) end
  lanes[name] = lane
  return lane
end

-- The calls that the lane may make now; `reserve` is the share of the day that is kept back.
local function free_permits(lane, reserve)
  local burst, day = lane[1], lane[DAILY]
  local daily = day.calls - math.floor(day.calls * reserve)
  return math.max(0, math.min(burst.calls - burst.used, daily - day.used) - lane.flying)
end

local function take_permits(lane, count)
  lane.flying = lane.flying + count
  set(lane, 'flying', lane.flying)
end

-- `count` calls in flight have ended; the server may have counted them until `last`.
local function return_permits(lane, count, last)
  take_permits(lane, -count)
  lane.returned[last] = (lane.returned[last] or 0) + count
  for i, window in ipairs(WINDOWS) do
    lane[i].used = lane[i].used + count
    set(lane, window.used, lane[i].used)
    set(lane, window.span, lane[i].span)
  end
end

-- Enters into the rings what has been returned.
local function write_rings(lane)
  for last, count in pairs(lane.returned) do
    for i, window in ipairs(WINDOWS) do
      local grain = math.max(1, math.ceil(lane[i].span / 100))
      local at = math.ceil((last + cut + lane[i].span) / grain) * grain
      local ring, total = window.ring(lane.name), count
      local there = redis.call('ZRANGEBYSCORE', ring, at, at)
      if there[1] then
        total = total + tonumber(string.match(there[1], ':(%d+)$'))
        redis.call('ZREM', ring, there[1])
      end
      redis.call('ZADD', ring, whole(at), string.format('%d:%d', at, total))
    end
  end
  lane.returned = {}
end

-- When the next permit comes back: `now` if one is free, math.huge if that waits for the end of a call.
local function frees_at(lane, reserve)
  local at = now
  for i, window in ipairs(WINDOWS) do
    local calls = lane[i].calls
    if i == DAILY then calls = calls - math.floor(calls * reserve) end
    -- Before the first worker has registered there is no quota: what is due then waits for that worker, not for a permit.
    if calls > 0 and calls - lane[i].used - lane.flying <= 0 then
      write_rings(lane)
      local first = redis.call('ZRANGE', window.ring(lane.name), 0, 0, 'WITHSCORES')
      at = math.max(at, tonumber(first[2]) or math.huge)
    end
  end
  return at
end

local function write_lane(lane)
  write_rings(lane)
  local written, gone = {}, {}
  for field in pairs(lane.changed) do
    local value = lane.stored[field]
    if value == nil then
      gone[#gone + 1] = field
    else
      written[#written + 1] = field
      written[#written + 1] = type(value) == 'number' and whole(value) or value
    end
  end
  lane.changed = {}
  if #written > 0 then redis.call('HSET', LANE .. lane.name, unpack(written)) end
  if #gone > 0 then redis.call('HDEL', LANE .. lane.name, unpack(gone)) end
end

closing[#closing + 1] = function()
  for _, lane in pairs(lanes) do write_lane(lane) end
end
