-- The due jobs of a lane, in three places: `line:`, a list, has normal ones that nobody has had yet as they come, which is by rank; `high:`
-- those that count as high, and `due:` all others, by rank.
local function rank_of(due, effective)
  return due - arg.headStart[effective + 1]
end

local function put_due(lane, ticket, rank, effective)
  gather('ZADD', (effective == 2 and HIGH or DUE) .. lane, whole(rank), ticket)
end

local line_up
do
  local tails
  resets[#resets + 1] = function() tails = {} end

  -- The same for one that has just come: at the end of the line, if that keeps it in order.
  function line_up(lane, ticket, due, effective)
    local rank = rank_of(due, effective)
    if effective ~= 1 then return put_due(lane, ticket, rank, effective) end
    local tail = tails[lane]
    if not tail then
      local last = redis.call('LINDEX', LINE .. lane, -1)
      tail = last and struct.unpack('>I6', last) or 0
    end
    tails[lane] = math.max(tail, rank)
    if rank < tail then return put_due(lane, ticket, rank, effective) end
    gather('RPUSH', LINE .. lane, pack_time(rank) .. ticket)
  end
end

local function count_ghosts(lane)
  return tonumber(lane.stored.ghosts) or 0
end

-- Takes a due job out of its lane. What stands in the middle of the line becomes a ghost, which is passed over when its turn comes.
local function withdraw(lane, ticket)
  flush()
  for _, key in ipairs({ HIGH, DUE, WAIT }) do
    if redis.call('ZREM', key .. lane, ticket) == 1 then return end
  end
  redis.call('HINCRBY', GHOSTS .. lane, ticket, 1)
  set(lane_of(lane), 'ghosts', count_ghosts(lane_of(lane)) + 1)
end
