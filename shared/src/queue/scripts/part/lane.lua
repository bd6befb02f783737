-- The index of lanes: one ZSET by the moment at which each may next be served. Fairness, the rate limit, holds and schedules are this
-- one order, and a limited lane costs nothing until its moment comes.
local function wake()
  if redis.call('LLEN', WAKE) == 0 then redis.call('LPUSH', WAKE, 1) end
end

local function next_moment(lane)
  flush()
  local name, stored = lane.name, lane.stored
  local at, any = math.huge, true
  if redis.call('EXISTS', HIGH .. name) == 1 then
    at = frees_at(lane, true)
  elseif redis.call('EXISTS', LINE .. name, DUE .. name) > 0 then
    at = frees_at(lane, false)
  else
    any = false
  end
  if at > now then
    -- What comes due may be high, or have a high one behind it: then the day's reserve is for it.
    for _, key in ipairs({ WAIT, LATER }) do
      local first = redis.call('ZRANGE', key .. name, 0, 0, 'WITHSCORES')
      if first[2] then
        any = true
        at = math.min(at, math.max(tonumber(first[2]), frees_at(lane, true)))
      end
    end
  end
  if not any then return nil end
  -- While the breaker's probe is out, its end is what is waited for.
  if stored.paused or (stored.open and lane.flying > 0) then return math.huge end
  return math.max(at, tonumber(stored.hold) or 0)
end

-- Puts the lane at its new moment, or takes it out when it has nothing left to serve. One that is due already keeps its turn: only what
-- has just been `served` goes behind the others, or a lane to which much comes would be passed over for ever.
local function place_lane(lane, served)
  local at = next_moment(lane)
  if not at then
    redis.call('ZREM', LANES, lane.name)
  elseif at > now or served then
    redis.call('ZADD', LANES, at < math.huge and whole(at) or 'inf', lane.name)
  else
    redis.call('ZADD', LANES, 'LT', whole(at), lane.name)
  end
  return at
end

-- The same, and a worker is woken when the lane may be served now or before any other.
local function announce_lane(lane)
  local first = redis.call('ZRANGE', LANES, 0, 0, 'WITHSCORES')
  local at = place_lane(lane)
  if at and at < math.huge and (at <= now or not first[2] or at < tonumber(first[2])) then wake() end
end

-- The API has answered.
local function close_breaker(lane)
  local stored = lane.stored
  if not stored.failures and not stored.open then return end
  if stored.why == 'breaker' then
    set(lane, 'hold', nil)
    set(lane, 'holdFor', nil)
    set(lane, 'why', nil)
  end
  set(lane, 'failures', nil)
  set(lane, 'open', nil)
end
