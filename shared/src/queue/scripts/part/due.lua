-- The due jobs of a lane, in three places: `line:`, a list, has normal ones that nobody has had yet as they come, which is by rank; `high:`
-- those that count as high, and `due:` all others, by rank.
local function rank_of(due, effective)
  return due - arg.headStart[effective + 1]
end

local function put_due(lane, ticket, rank, effective)
  gather('ZADD', (effective == 2 and HIGH or DUE) .. lane, whole(rank), ticket)
end

local tails
resets[#resets + 1] = function() tails = {} end

-- The same for one that has just come: at the end of the line, if that keeps it in order.
local function line_up(lane, ticket, due, effective)
  local rank = rank_of(due, effective)
  if effective ~= 1 then return put_due(lane, ticket, rank, effective) end
  local tail = tails[lane]
  if not tail then
    local last = redis.call('LINDEX', LINE .. lane, -1)
    tail = last and struct.unpack('>I6', string.sub(last, 1, 6)) or 0
  end
  tails[lane] = math.max(tail, rank)
  if rank < tail then return put_due(lane, ticket, rank, effective) end
  gather('RPUSH', LINE .. lane, pack_time(rank) .. ticket)
end

-- Takes a due job out of its lane. What stands in the middle of the line becomes a ghost, which is passed over when its turn comes.
local function withdraw(lane, ticket)
  flush()
  for _, key in ipairs({ HIGH, DUE, WAIT }) do
    if redis.call('ZREM', key .. lane, ticket) == 1 then return end
  end
  redis.call('HINCRBY', GHOSTS .. lane, ticket, 1)
  set(lane_of(lane), 'ghosts', (tonumber(lane_of(lane).stored.ghosts) or 0) + 1)
end

-- Whether the ticket, which came out of the line, has been taken out of it before.
local function is_ghost(lane, ticket)
  local ghosts = tonumber(lane.stored.ghosts) or 0
  if ghosts == 0 then return false end
  local times = tonumber(redis.call('HGET', GHOSTS .. lane.name, ticket)) or 0
  if times == 0 then return false end
  if times == 1 then redis.call('HDEL', GHOSTS .. lane.name, ticket) else redis.call('HINCRBY', GHOSTS .. lane.name, ticket, -1) end
  set(lane, 'ghosts', ghosts - 1)
  return true
end

-- The first `count` of the line; they are out of it.
local function pop_line(lane, count)
  local popped = {}
  while #popped < count do
    local entries = redis.call('LPOP', LINE .. lane.name, count - #popped)
    if not entries then break end
    for _, entry in ipairs(entries) do
      local ticket = string.sub(entry, 7)
      if not is_ghost(lane, ticket) then popped[#popped + 1] = { entry = entry, ticket = ticket } end
    end
  end
  return popped
end

-- Due jobs that were taken out go back to where they were.
local function put_back(lane, due)
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

-- The `count` most urgent due jobs of the lane, taken out of it; only high ones where the day is down to its reserve. Each with its ticket,
-- and the set (`key`, `rank`) or the `entry` of the line that it was.
local function pop_due(lane, count, only_high)
  flush()
  local found, surplus = {}, {}
  for _, key in ipairs(only_high and { HIGH } or { HIGH, DUE }) do
    local tickets = redis.call('ZRANGE', key .. lane.name, 0, count - 1, 'WITHSCORES')
    for i = 1, #tickets, 2 do
      found[#found + 1] = { key = key, ticket = tickets[i], rank = tonumber(tickets[i + 1]), turn = i }
    end
  end
  local line = only_high and {} or pop_line(lane, count)
  if #found == 0 then return line end
  for i, popped in ipairs(line) do
    popped.rank, popped.turn = struct.unpack('>I6', string.sub(popped.entry, 1, 6)), i
    found[#found + 1] = popped
  end
  table.sort(found, before)
  for i = count + 1, #found do
    if found[i].entry then surplus[#surplus + 1] = found[i] end
    found[i] = nil
  end
  put_back(lane, surplus)
  for _, due in ipairs(found) do
    if due.key then redis.call('ZREM', due.key .. lane.name, due.ticket) end
  end
  return found
end
