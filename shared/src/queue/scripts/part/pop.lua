-- Taking due jobs out of their lane.
local pop_due, put_back
do
  -- A due job that was taken out of its lane: the set (`key`) or the `entry` of the line that it was, and what is found out about it then
  -- (all named here, so that Lua makes room for them once).
  local function taken_out(ticket, entry, key, rank, turn)
    return { ticket = ticket, entry = entry, key = key, rank = rank, turn = turn, ref = false, record = false, run = false, riders = false, merge = false }
  end

  -- How many ghosts the script has passed over, in all lanes.
  local passed
  resets[#resets + 1] = function() passed = 0 end

  -- How often each of these entries of the line is a ghost; nil where no ghost is left in the lane.
  local function ghosts_among(lane, entries)
    if count_ghosts(lane) == 0 then return nil end
    local tickets, times = {}, {}
    for i, entry in ipairs(entries) do tickets[i] = string.sub(entry, 7) end
    local counts = redis.call('HMGET', GHOSTS .. lane.name, unpack(tickets))
    for i, ticket in ipairs(tickets) do times[ticket] = tonumber(counts[i]) or 0 end
    return times
  end

  -- Whether the ticket, which came out of the line, has been taken out of it before: that is forgotten then.
  local function was_ghost(lane, times, ticket)
    local left = times[ticket] - 1
    if left < 0 then return false end
    if left == 0 then redis.call('HDEL', GHOSTS .. lane.name, ticket) else redis.call('HSET', GHOSTS .. lane.name, ticket, whole(left)) end
    set(lane, 'ghosts', count_ghosts(lane) - 1)
    times[ticket], passed = left, passed + 1
    return true
  end

  -- The first `count` of the line; they are out of it. Fewer where very many ghosts are between them: the rest is for another call.
  local function pop_line(lane, count)
    local popped, length = {}, 0
    while length < count and passed < 4 * arg.moves do
      local entries = redis.call('LPOP', LINE .. lane.name, count - length)
      if not entries then break end
      local times = ghosts_among(lane, entries)
      for _, entry in ipairs(entries) do
        local ticket = string.sub(entry, 7)
        if not (times and was_ghost(lane, times, ticket)) then
          length = length + 1
          popped[length] = taken_out(ticket, entry)
        end
      end
    end
    return popped
  end

  -- Due jobs that were taken out go back to where they were.
  function put_back(lane, due)
    local entries = {}
    for i = #due, 1, -1 do
      if due[i].key then
        redis.call('ZADD', due[i].key .. lane.name, whole(due[i].rank), due[i].ticket)
      else
        entries[#entries + 1] = due[i].entry
      end
    end
    if #entries > 0 then redis.call('LPUSH', LINE .. lane.name, unpack(entries)) end
  end

  local function before(a, b)
    if a.rank ~= b.rank then return a.rank < b.rank end
    if a.key ~= b.key then return (a.key or '~') < (b.key or '~') end
    return a.turn < b.turn
  end

  -- The `count` first of the lane's sets in their order; they stay there yet.
  local function first_of_sets(lane, count, only_high)
    local found = {}
    for _, key in ipairs(only_high and { HIGH } or { HIGH, DUE }) do
      local others, tickets = #found, redis.call('ZRANGE', key .. lane.name, 0, count - 1, 'WITHSCORES')
      for i = 1, #tickets, 2 do found[#found + 1] = taken_out(tickets[i], nil, key, tonumber(tickets[i + 1]), i) end
      if others > 0 and #tickets > 0 then table.sort(found, before) end
    end
    for i = #found, count + 1, -1 do found[i] = nil end
    return found
  end

  -- Whether so many are found already, and nothing of the line goes before them.
  local function line_waits(lane, found, count)
    if #found < count then return false end
    local first = redis.call('LINDEX', LINE .. lane.name, 0)
    return not first or struct.unpack('>I6', first) >= found[count].rank
  end

  -- Those of the line take their places among what was found; what is too much by then goes back.
  local function merge_line(lane, found, line, count)
    for i, popped in ipairs(line) do
      popped.rank, popped.turn = struct.unpack('>I6', popped.entry), i
      found[#found + 1] = popped
    end
    table.sort(found, before)
    local surplus = {}
    for i = count + 1, #found do
      if found[i].entry then surplus[#surplus + 1] = found[i] end
      found[i] = nil
    end
    put_back(lane, surplus)
  end

  -- The `count` most urgent due jobs of the lane, taken out of it; only high ones where the day is down to its reserve.
  function pop_due(lane, count, only_high)
    flush()
    local found = first_of_sets(lane, count, only_high)
    if not only_high and not line_waits(lane, found, count) then
      local line = pop_line(lane, count)
      if #found == 0 then return line end
      if #line > 0 then merge_line(lane, found, line, count) end
    end
    for _, due in ipairs(found) do
      if due.key then gather('ZREM', due.key .. lane.name, due.ticket) end
    end
    flush()
    return found
  end
end
