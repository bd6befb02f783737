-- What the headers of a response say, which counts from when its call was sent. `report`: at (ms); and as far as they were there: max, span
-- (ms), left, of the burst window; dayMax, dayLeft. arg: reportFor (ms: how long what is said of the day is believed, and the longest
-- window that is).
local believe
do
  local function believe_limits(lane, report)
    local told = {
      toldBurst = report.max and string.format('%d/%d', report.max, math.min(report.span or lane[1].span, arg.reportFor)),
      toldDaily = report.dayMax and lane[DAILY].span > 0 and string.format('%d/%d', report.dayMax, lane[DAILY].span),
    }
    local changed = false
    if told.toldDaily then
      -- In whole minutes, so that not every response writes it.
      local until_then = math.floor((now + arg.reportFor) / 60000) * 60000
      if tonumber(lane.stored.toldUntil) ~= until_then then
        set(lane, 'toldUntil', until_then)
        changed = true
      end
    end
    for field, quota in pairs(told) do
      if quota and lane.stored[field] ~= quota then
        set(lane, field, quota)
        changed = true
      end
    end
    if not changed then return end
    write_rings(lane)
    read_windows(lane)
  end

  -- The permits that were held at that moment: those held now, and those that have come back since.
  local function held_at(lane, i, at)
    local held = lane[i].used + lane.flying
    for _, entry in ipairs(redis.call('ZRANGEBYSCORE', WINDOWS[i].ring(lane.name), '(' .. whole(at), whole(in_force.agreed))) do
      held = held + count_of(entry)
    end
    return held
  end

  -- Answers may come in another order than their calls were sent: only a newer report takes back what is known.
  local function believe_day(lane, others, until_then)
    local known, known_until = foreign(lane)
    if known_until and (until_then < known_until or (until_then == known_until and others < known)) then return end
    -- That there were none is remembered too, or an older report would be believed.
    set(lane, 'foreign', string.format('%d/%d', math.max(others, 0), until_then))
  end

  -- The server has counted more calls than were ours: somebody else uses the same quota. Of the day only the newest report counts, since
  -- nobody but the API knows when its day ends.
  function believe(lane, report)
    believe_limits(lane, report)
    -- What was held then is not known any more.
    if report.at > now or report.at < now - lane[1].span then return end
    local max, day_max = report.max or lane[1].calls, report.dayMax or lane[DAILY].calls
    -- Where more is announced than is ours, no more is held for others than leaves us what is left.
    if report.left and report.left <= max then
      local others = lane[1].calls - report.left - held_at(lane, 1, report.at)
      if others > 0 then see_others(lane, others, report.at) end
    end
    if report.dayLeft and report.dayLeft <= day_max then
      believe_day(lane, lane[DAILY].calls - report.dayLeft - held_at(lane, DAILY, report.at), report.at + arg.reportFor)
    end
  end
end
