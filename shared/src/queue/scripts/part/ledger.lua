-- The permit ledger of a lane (law 3). A permit is in flight from its claim until the call has been answered or can no longer arrive,
-- and comes back one window after that. Per window a sum (`burstUsed`, `dayUsed`) and a ring of `<moment>:<count>` by moment of return,
-- rounded up to a hundredth of the window, so that its size does not grow with the quota; and the window (`burstSpan`, `daySpan`) by which
-- they return.
local DAILY = 2
local WINDOWS = {
  { quota = 'burst', used = 'burstUsed', span = 'burstSpan', ring = BURST },
  { quota = 'daily', used = 'dayUsed', span = 'daySpan', ring = DAY },
}
local in_force = redis.call('HMGET', CONFIG, 'burst', 'daily')

-- The window is another than when these permits were given back: all return that much later, or earlier.
local function shift(ring, by)
  local entries = redis.call('ZRANGE', ring, 0, -1, 'WITHSCORES')
  redis.call('DEL', ring)
  for i = 1, #entries, 2 do
    local at = tonumber(entries[i + 1]) + by
    redis.call('ZADD', ring, at, string.format('%.0f:%s', at, string.match(entries[i], ':(%d+)$')))
  end
end

local function read_ledger(lane)
  local stored = redis.call('HMGET', LANE .. lane, 'burst', 'daily', 'burstUsed', 'dayUsed', 'burstSpan', 'daySpan', 'flying')
  local ledger = { lane = lane, flying = tonumber(stored[7]) or 0 }
  for i, window in ipairs(WINDOWS) do
    local quota = stored[i] or in_force[i] or ''
    local calls, span = string.match(quota, '^(%d+)/(%d+)$')
    span = tonumber(span) or 0
    local used, kept = tonumber(stored[i + 2]) or 0, tonumber(stored[i + 4]) or span
    if used > 0 then
      if span ~= kept then shift(window.ring .. lane, span - kept) end
      local back = redis.call('ZRANGEBYSCORE', window.ring .. lane, '-inf', now)
      if #back > 0 then
        for _, entry in ipairs(back) do used = used - tonumber(string.match(entry, ':(%d+)$')) end
        redis.call('ZREMRANGEBYSCORE', window.ring .. lane, '-inf', now)
        redis.call('HSET', LANE .. lane, window.used, used)
      end
    end
    -- Without a quota in force (no worker has ever registered) nothing may be sent.
    if span ~= tonumber(stored[i + 4]) and used > 0 then redis.call('HSET', LANE .. lane, window.span, span) end
    ledger[i] = { quota = quota, calls = tonumber(calls) or 0, span = span, used = used }
  end
  return ledger
end

-- The calls that `ledger` allows now; `reserve` is the share of the day that is kept back.
local function free_permits(ledger, reserve)
  local burst, day = ledger[1], ledger[DAILY]
  local daily = day.calls - math.floor(day.calls * reserve)
  return math.max(0, math.min(burst.calls - burst.used, daily - day.used) - ledger.flying)
end

-- When the next permit comes back: `now` if one is free, math.huge if that waits for the end of a call.
local function frees_at(ledger, reserve)
  local at = now
  for i, window in ipairs(WINDOWS) do
    local calls = ledger[i].calls
    if i == DAILY then calls = calls - math.floor(calls * reserve) end
    -- Before the first worker has registered there is no quota: what is due then waits for that worker, not for a permit.
    if calls > 0 and calls - ledger[i].used - ledger.flying <= 0 then
      local first = redis.call('ZRANGE', window.ring .. ledger.lane, 0, 0, 'WITHSCORES')
      at = math.max(at, tonumber(first[2]) or math.huge)
    end
  end
  return at
end

local function take_permits(ledger, count)
  ledger.flying = redis.call('HINCRBY', LANE .. ledger.lane, 'flying', count)
end

-- `count` calls in flight have ended; the server may have counted them until `last`.
local function return_permits(ledger, count, last)
  take_permits(ledger, -count)
  for i, window in ipairs(WINDOWS) do
    local grain = math.max(1, math.ceil(ledger[i].span / 100))
    local at = math.ceil((last + cut + ledger[i].span) / grain) * grain
    local ring, total = window.ring .. ledger.lane, count
    local there = redis.call('ZRANGEBYSCORE', ring, at, at)
    if there[1] then
      total = total + tonumber(string.match(there[1], ':(%d+)$'))
      redis.call('ZREM', ring, there[1])
    end
    redis.call('ZADD', ring, at, string.format('%.0f:%d', at, total))
    ledger[i].used = redis.call('HINCRBY', LANE .. ledger.lane, window.used, count)
    if ledger[i].used == count then redis.call('HSET', LANE .. ledger.lane, window.span, ledger[i].span) end
  end
end
