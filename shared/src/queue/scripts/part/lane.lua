-- The index of lanes: one ZSET by the moment at which each may next be served. Fairness, the rate limit, holds and schedules are this
-- one order, and a limited lane costs nothing until its moment comes.
local function wake()
  if redis.call('LLEN', WAKE) == 0 then redis.call('LPUSH', WAKE, 1) end
end

local function next_moment(lane, ledger)
  local state = redis.call('HMGET', LANE .. lane, 'paused', 'hold', 'open')
  local at, any = math.huge, true
  if redis.call('EXISTS', HIGH .. lane) == 1 then
    at = frees_at(ledger, 0)
  elseif redis.call('EXISTS', DUE .. lane) == 1 then
    at = frees_at(ledger, arg.reserve)
  else
    any = false
  end
  if at > now then
    -- What comes due may be high, or have a high one behind it: then the day's reserve is for it.
    for _, set in ipairs({ WAIT, LATER }) do
      local first = redis.call('ZRANGE', set .. lane, 0, 0, 'WITHSCORES')
      if first[2] then
        any = true
        at = math.min(at, math.max(tonumber(first[2]), frees_at(ledger, 0)))
      end
    end
  end
  if not any then return nil end
  -- While the breaker's probe is out, its end is what is waited for.
  if state[1] or (state[3] and ledger.flying > 0) then return math.huge end
  return math.max(at, tonumber(state[2]) or 0)
end

-- Puts the lane at its new moment, or takes it out when it has nothing left to serve. One that is due already keeps its turn: only what
-- has just been `served` goes behind the others, or a lane to which much comes would be passed over for ever.
local function place_lane(lane, ledger, served)
  local at = next_moment(lane, ledger or read_ledger(lane))
  if not at then
    redis.call('ZREM', LANES, lane)
  elseif at > now or served then
    redis.call('ZADD', LANES, at, lane)
  else
    redis.call('ZADD', LANES, 'LT', at, lane)
  end
  return at
end

-- The same, and a worker is woken when the lane may be served now or before any other.
local function announce_lane(lane, ledger)
  local first = redis.call('ZRANGE', LANES, 0, 0, 'WITHSCORES')
  local at = place_lane(lane, ledger)
  if at and at < math.huge and (at <= now or not first[2] or at < tonumber(first[2])) then wake() end
end

local function put_due(lane, ticket, rank, effective)
  redis.call('ZADD', (effective == 2 and HIGH or DUE) .. lane, rank, ticket)
end

local function rank_of(due, effective)
  return due - arg.headStart[effective + 1]
end

-- The API has answered.
local function close_breaker(lane)
  if redis.call('HDEL', LANE .. lane, 'failures', 'open') > 0 and redis.call('HGET', LANE .. lane, 'why') == 'breaker' then
    redis.call('HDEL', LANE .. lane, 'hold', 'why')
  end
end
