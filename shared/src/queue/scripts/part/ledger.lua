-- The permit ledger of a lane (law 3). A permit is in flight from its claim until the call has been answered or can no longer arrive,
-- and comes back one window after that. Per window a sum (`burstUsed`, `dayUsed`) and a ring of `<moment>:<count>` by moment of return,
-- rounded up to a hundredth of the window, so that its size does not grow with the quota; the window (`burstSpan`, `daySpan`) by which
-- they return; and up to when they have been taken back (`burstPast`, `dayPast`). What came back within the last window stays in the ring:
-- a response that comes late is judged by what was held as its call was sent. What ends by time alone ends by `agreed`, what time it was at the least
-- by Redis' clock and a worker's (part/era.lua): Redis' may have been set ahead since. What the API announced (`toldBurst`, `toldDaily`) is believed
-- until it announces something else, of the day until `toldUntil` at the latest.
local DAILY = 2
local WINDOWS = {
  { quota = 'burst', told = 'toldBurst', used = 'burstUsed', span = 'burstSpan', past = 'burstPast', ring = function(lane) return BURST .. lane end },
  {
    quota = 'daily', told = 'toldDaily', till = 'toldUntil', used = 'dayUsed', span = 'daySpan', past = 'dayPast',
    ring = function(lane) return DAY .. lane end,
  },
}
local LANE_FIELDS = {
  'burst', 'daily', 'toldBurst', 'toldDaily', 'burstUsed', 'dayUsed', 'burstSpan', 'daySpan', 'burstPast', 'dayPast', 'toldUntil', 'foreign', 'others',
  'flying', 'paused', 'hold', 'holdFor', 'why', 'failures', 'open', 'ghosts', 'weight', 'turn', 'shift', 'pace', 'charged',
}

-- Moments of a window are rounded up to these.
local function grain_of(span)
  return math.max(1, math.ceil(span / 100))
end

-- What is known of a lane while the script runs: `stored` is its hash; `write_lane` writes back what has been `set`.
local lanes, in_force
resets[#resets + 1] = function() lanes, in_force = {}, nil end

local function set(lane, field, value)
  lane.stored[field] = value
  lane.changed[field] = true
end

local function parse_quota(quota)
  local calls, span = string.match(quota or '', '^(%d+)/(%d+)$')
  return tonumber(calls) or 0, tonumber(span) or 0
end

local stricter
do
  -- Whether whoever keeps to `calls` in `span` keeps to `other_calls` in `other_span` too.
  local function implies(calls, span, other_calls, other_span)
    return calls * math.ceil(other_span / span) <= other_calls
  end

  -- The quota that keeps both: the API's announcement replaces a configured one only downwards, and never
  -- shortens its window: what was sent before the announcement, or before the next one, would come back too early for the configured quota.
  function stricter(own, told)
    local calls, span = parse_quota(own)
    local told_calls, told_span = parse_quota(told)
    if calls == 0 or told_calls == 0 or implies(calls, span, told_calls, told_span) then return own end
    return string.format('%d/%d', math.min(calls, told_calls), math.max(span, told_span))
  end
end

local function count_of(entry)
  return tonumber(string.match(entry, ':(%d+)$'))
end

-- The permits that have not come back do so at other moments. Whoever stores jobs may take out of a ring, and deletes no key.
local function move(ring, past, moved)
  redis.call('ZREMRANGEBYSCORE', ring, '-inf', past)
  local entries, counts = redis.call('ZRANGE', ring, 0, -1, 'WITHSCORES'), {}
  redis.call('ZREMRANGEBYSCORE', ring, '-inf', '+inf')
  for i = 1, #entries, 2 do
    local at = moved(tonumber(entries[i + 1]))
    counts[at] = (counts[at] or 0) + count_of(entries[i])
  end
  for at, count in pairs(counts) do redis.call('ZADD', ring, whole(at), string.format('%d:%d', at, count)) end
end

local follow_clock
do
  -- Where a moment is after the clock was set by `by`, so that as much time passes until then as before. What was entered between that and its
  -- being told is by the new clock already: there nothing is later than `latest`.
  local function moved_with(at, by, latest)
    if by < 0 then return at <= latest and at or at + by end
    -- By the old clock it would have come long ago.
    if at > now and by > latest - now then return at end
    return math.max(at, math.min(at + by, latest))
  end

  -- Redis' clock was set since the lane was last written: its moments move with it.
  function follow_clock(lane)
    local stored = lane.stored
    local by = (tonumber(in_force[3]) or 0) - (tonumber(stored.shift) or 0)
    if by == 0 then return end
    for _, window in ipairs(WINDOWS) do
      local span, slack = tonumber(stored[window.span]), tonumber(in_force[4])
      local latest = span and slack and now + 1 + span + grain_of(span) + slack or math.huge
      move(window.ring(lane.name), tonumber(stored[window.past]) or 0, function(at) return moved_with(at, by, latest) end)
      set(lane, window.past, nil)
    end
    if stored.hold then set(lane, 'hold', moved_with(tonumber(stored.hold), by, now + (tonumber(stored.holdFor) or 0))) end
    if stored.toldUntil then set(lane, 'toldUntil', tonumber(stored.toldUntil) + by) end
    local count, until_then = string.match(stored.foreign or '', '^(%d+)/(%d+)$')
    if count then set(lane, 'foreign', string.format('%d/%d', count, until_then + by)) end
    if stored.others then
      local function moved(at, seen) return string.format('%d:%s', at + by, seen) end
      set(lane, 'others', (string.gsub(stored.others, '(%d+):(%d+)', moved)))
    end
    set(lane, 'shift', in_force[3])
  end
end

-- What time it is, less all that the clock was set by: by this quarantines are measured.
local function steady_now()
  return now - (tonumber(redis.call('HGET', CONFIG, 'shift')) or 0)
end

-- What Redis has forgotten, the last time first (`travel`, see part/era.lua).
local function lapses_in(travel)
  local lapses = {}
  for since, noticed, lost, till in string.gmatch(travel or '', '(%d+)/(%d+)/(%d+)/(%d+)') do
    lapses[#lapses + 1] = { since = tonumber(since), noticed = tonumber(noticed), lost = tonumber(lost), till = tonumber(till) }
  end
  return lapses
end

-- When the last of that was noticed, if there was any.
local function last_noticed(travel)
  return tonumber(string.match(travel or '', '^%d+/(%d+)/'))
end

-- Until when the burst window counts as full, since Redis has forgotten what was sent lately.
local function forgotten_until(lane)
  local noticed = tonumber(in_force[8]) or last_noticed(in_force[5])
  return noticed and noticed + lane[1].span or 0
end

local charge_day
do
  -- The quota of what calls nobody (`Quota::MAX_CALLS`): nothing is sent by it.
  local UNLIMITED = 10000000

  -- Its day is charged once with what may have been sent in the time that was forgotten.
  local function charge_lapse(lane, lapse)
    local burst, day, at = lane[1], lane[DAILY], lapse.noticed
    if burst.span == 0 or burst.calls >= UNLIMITED or at + day.span <= now then return end
    local sent = math.min(math.ceil(burst.calls * (1 + lapse.lost / burst.span)), day.calls)
    lane.returned[DAILY][at] = (lane.returned[DAILY][at] or 0) + sent
    day.used = day.used + sent
    set(lane, 'dayUsed', day.used)
    set(lane, 'daySpan', day.span)
  end

  function charge_day(lane)
    local charged, last = tonumber(lane.stored.charged) or 0, last_noticed(in_force[5])
    if not last or charged == last then return end
    set(lane, 'charged', last)
    for _, lapse in ipairs(lapses_in(in_force[5])) do
      if lapse.noticed > charged then charge_lapse(lane, lapse) end
    end
  end
end

local read_windows
do
  -- Takes back the permits whose moment has come.
  local function read_window(lane, window, default)
    local stored, own = lane.stored, lane.stored[window.quota] or default
    local agreed = in_force.agreed
    local told_until = window.till and (tonumber(stored[window.till]) or 0) or math.huge
    local quota = stricter(own, told_until > agreed and stored[window.told] or nil)
    local calls, span = parse_quota(quota)
    local used, kept = tonumber(stored[window.used]) or 0, tonumber(stored[window.span]) or span
    local ring, past = window.ring(lane.name), tonumber(stored[window.past]) or 0
    -- The clock was set back, and nobody has told: what is entered from now on comes before what had come back by then.
    if past > now then
      redis.call('ZREMRANGEBYSCORE', ring, '-inf', past)
      past = 0
      set(lane, window.past, nil)
    end
    if used > 0 then
      -- The window is another than when these permits were given back: all return that much later, or earlier.
      if span ~= kept then
        move(ring, past, function(at) return at + span - kept end)
        past = 0
        set(lane, window.past, nil)
      end
      local back = redis.call('ZRANGEBYSCORE', ring, '(' .. whole(past), whole(agreed))
      if #back > 0 then
        for _, entry in ipairs(back) do used = used - count_of(entry) end
        set(lane, window.used, used)
        set(lane, window.past, agreed)
        redis.call('ZREMRANGEBYSCORE', ring, '-inf', whole(agreed - span))
      end
      if span ~= tonumber(stored[window.span]) then set(lane, window.span, span) end
    end
    -- Without a quota in force (no worker has ever registered) nothing may be sent.
    return { quota = quota or '', calls = calls, span = span, used = used, told_until = quota ~= own and told_until or math.huge }
  end

  -- The quotas in force for a destination, burst and daily: `burst` and `daily` for GHL, `burst@<name>` and `daily@<name>` for another.
  local function quotas_of(destination)
    if destination == 'ghl' then return in_force end
    local name = '@' .. destination
    local known = in_force[name] or redis.call('HMGET', CONFIG, 'burst' .. name, 'daily' .. name)
    in_force[name] = known
    return known
  end

  function read_windows(lane)
    local quotas = quotas_of(lane.destination)
    for i, window in ipairs(WINDOWS) do lane[i] = read_window(lane, window, quotas[i] or nil) end
  end
end

-- All quotas in force in one line, GHL's first; '' before any worker has registered.
local function all_in_force()
  local config, ghl, others = redis.call('HGETALL', CONFIG), {}, {}
  for i = 1, #config, 2 do
    local name = config[i]
    if name == 'burst' or name == 'daily' then ghl[name] = config[i + 1] end
    if string.find(name, '@', 1, true) then others[#others + 1] = name .. '=' .. config[i + 1] end
  end
  if not ghl.burst then return '' end
  table.sort(others)
  return table.concat({ ghl.burst, ghl.daily, unpack(others) }, ' ')
end

local lane_of
do
  local function read_in_force()
    local read = redis.call('HMGET', CONFIG, 'burst', 'daily', 'shift', 'slack', 'travel', 'doubt', 'agreed', 'filled')
    read.agreed = math.min(now, tonumber(read[7]) or now)
    -- Before any worker has registered (permit.lua).
    for i, quota in ipairs(arg.assumed or {}) do read[i] = read[i] or quota end
    return read
  end

  function lane_of(name)
    local lane = lanes[name]
    if lane then return lane end
    local destination, tenant = parse_lane(name)
    lane = {
      name = name, destination = destination, tenant = tenant, refs = name .. '/', places = destination .. '/',
      stored = {}, changed = {}, returned = { {}, {} },
    }
    local values = redis.call('HMGET', LANE .. name, unpack(LANE_FIELDS))
    for i, field in ipairs(LANE_FIELDS) do lane.stored[field] = values[i] or nil end
    -- A tenant is paused wherever its jobs go, also to what no worker has known yet as it was (govern.lua).
    if destination ~= 'ghl' and not lane.stored.paused then
      lane.stored.paused = redis.call('HGET', LANE .. 'ghl/' .. tenant, 'paused') or nil
    end
    lane.flying = tonumber(lane.stored.flying) or 0
    in_force = in_force or read_in_force()
    follow_clock(lane)
    read_windows(lane)
    if in_force[5] then charge_day(lane) end
    lanes[name] = lane
    return lane
  end
end

-- The calls of the day that somebody else was seen to have made, and until when that is believed.
local function foreign(lane)
  local count, until_then = string.match(lane.stored.foreign or '', '^(%d+)/(%d+)$')
  if not count or tonumber(until_then) <= in_force.agreed then return 0 end
  return tonumber(count), tonumber(until_then)
end

-- The calls that somebody else was seen to have in the burst window, oldest first. `others`: `<moment>:<count>` where a response told of so
-- many to a call that was sent then. Each counts for a window, and the most of them at a time; kept is what counts for longer than all that
-- is more. They are not added up: nobody knows which calls the API told of twice.
local function others_seen(lane)
  local seen = {}
  for at, count in string.gmatch(lane.stored.others or '', '(%d+):(%d+)') do
    if at + lane[1].span > in_force.agreed then seen[#seen + 1] = { at = tonumber(at), count = tonumber(count) } end
  end
  return seen
end

local function see_others(lane, count, sent)
  local grain = grain_of(lane[1].span)
  local at, kept, is_kept = math.ceil((sent + cut) / grain) * grain, {}, false
  local function keep(moment, number) kept[#kept + 1] = string.format('%d:%d', moment, number) end
  for _, seen in ipairs(others_seen(lane)) do
    if seen.at >= at and seen.count >= count then return end
    if seen.at > at and not is_kept then
      keep(at, count)
      is_kept = true
    end
    if seen.at > at or seen.count > count then keep(seen.at, seen.count) end
  end
  if not is_kept then keep(at, count) end
  set(lane, 'others', table.concat(kept, ' '))
end

-- The calls of a window that are somebody else's, and until when that is believed.
local function others_in(lane, i)
  if i == DAILY then return foreign(lane) end
  local first = lane.stored.others and others_seen(lane)[1]
  if not first then return 0 end
  return first.count, first.at + lane[1].span
end

-- The calls that a window allows: all of them only to high priority, for which a share of the day is reserved; the others may have to be
-- spread over the day.
local function allowed(lane, i, high)
  local calls, day = lane[i].calls, lane[DAILY]
  if high then return calls end
  local daily = day.calls - math.floor(day.calls * arg.reserve)
  if i == DAILY then return daily end
  if not arg.spread or day.span == 0 then return calls end
  return math.min(calls, math.ceil(daily * lane[i].span / day.span))
end

-- The calls that a window has left, of those that it allows.
local function left(lane, i, high)
  local others = others_in(lane, i)
  return allowed(lane, i, high) - lane[i].used - lane.flying - others
end

-- The calls that the lane may make now.
local function free_permits(lane, high)
  if in_force[6] or forgotten_until(lane) > in_force.agreed then return 0 end
  return math.max(0, math.min(left(lane, 1, high), left(lane, DAILY, high)))
end

local function take_permits(lane, count)
  lane.flying = lane.flying + count
  set(lane, 'flying', lane.flying)
end

-- `count` calls in flight have ended; the server may have counted them until `last`.
local function return_permits(lane, count, last)
  take_permits(lane, -count)
  for i, window in ipairs(WINDOWS) do
    local returned = lane.returned[i]
    returned[last] = (returned[last] or 0) + count
    lane[i].used = lane[i].used + count
    set(lane, window.used, lane[i].used)
    set(lane, window.span, lane[i].span)
  end
end

-- Enters into the rings what has been returned.
local function write_rings(lane)
  for i, window in ipairs(WINDOWS) do
    local grain = grain_of(lane[i].span)
    for last, count in pairs(lane.returned[i]) do
      -- Never in the past, of which all has been taken back.
      local at = math.max(now + 1, math.ceil((last + cut + lane[i].span) / grain) * grain)
      local ring, total = window.ring(lane.name), count
      local there = redis.call('ZRANGEBYSCORE', ring, whole(at), whole(at))
      if there[1] then
        total = total + count_of(there[1])
        redis.call('ZREM', ring, there[1])
      end
      redis.call('ZADD', ring, whole(at), string.format('%d:%d', at, total))
    end
    lane.returned[i] = {}
  end
end

-- When the next permit comes back: `now` if one is free, math.huge if that waits for the end of a call.
local function frees_at(lane, high)
  local at = math.max(now, forgotten_until(lane))
  for i, window in ipairs(WINDOWS) do
    -- Before the first worker has registered there is no quota: what is due then waits for that worker, not for a permit. For a destination that no
    -- worker knows it waits until one does (reindex.lua).
    if lane[i].calls == 0 and lane.destination ~= 'ghl' then return math.huge end
    if lane[i].calls > 0 and left(lane, i, high) <= 0 then
      write_rings(lane)
      local first = redis.call('ZRANGEBYSCORE', window.ring(lane.name), '(' .. whole(in_force.agreed), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
      local frees = tonumber(first[2]) or math.huge
      local others, until_then = others_in(lane, i)
      if others > 0 then frees = math.min(frees, until_then) end
      at = math.max(at, math.min(frees, lane[i].told_until))
    end
  end
  return at
end

-- Without a call in flight there is no response to come that would ask for what was held before.
local function forget_past(lane)
  if lane.stored.others and others_in(lane, 1) == 0 then set(lane, 'others', nil) end
  if lane.flying > 0 then return end
  for i, window in ipairs(WINDOWS) do
    if lane[i].used == 0 and lane.stored[window.past] then
      redis.call('ZREMRANGEBYSCORE', window.ring(lane.name), '-inf', '+inf')
      set(lane, window.past, nil)
    end
  end
end

-- What the lane's jobs cost, for whoever foresees what others will: `pace` = jobs ended / calls made / those of them after which a job waited
-- for another attempt / milliseconds that all took. What is old counts ever less: beyond a thousand all is halved.
local function count_pace(lane, jobs, calls, failed, took)
  if jobs + calls == 0 then return end
  local before = { string.match(lane.stored.pace or '0/0/0/0', '^(%d+)/(%d+)/(%d+)/(%d+)$') }
  local sums = { jobs, calls, failed, took }
  for i, number in ipairs(before) do sums[i] = sums[i] + number end
  local share = math.max(sums[1], sums[2]) > 1000 and 2 or 1
  for i, sum in ipairs(sums) do sums[i] = whole(sum / share) end
  set(lane, 'pace', table.concat(sums, '/'))
end

local function write_lane(lane)
  write_rings(lane)
  forget_past(lane)
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
