-- Writes of one kind to one key are gathered and sent as one command: `flush` sends them, at the latest as the script ends (`finish`).
-- Whoever reads what may have been gathered calls `flush` before.
local gathered, lists, sums, counters
resets[#resets + 1] = function() gathered, lists, sums, counters = {}, {}, {}, {} end
-- What is kept in Lua until the end, and how each of it is written then.
local closing = {}

local function list_of(command, key)
  local of_command = lists[command] or {}
  lists[command] = of_command
  local list = { command = command, key = key, length = 0 }
  of_command[key] = list
  gathered[#gathered + 1] = list
  return list
end

-- One argument or two of a command that takes any number of such.
local function gather(command, key, first, second)
  local of_command = lists[command]
  local list = of_command and of_command[key] or list_of(command, key)
  local length = list.length + 1
  list[length] = first
  if second then
    length = length + 1
    list[length] = second
  end
  list.length = length
end

-- Adds to a number in a hash.
local function add(key, field, by)
  local fields = sums[key] or {}
  sums[key] = fields
  fields[field] = (fields[field] or 0) + by
end

-- The next number of a counter of the shard.
local function number(name)
  local next_number = (counters[name] or tonumber(redis.call('HGET', CONFIG, name)) or 0) + 1
  counters[name] = next_number
  return next_number
end

local function flush()
  local due = gathered
  gathered, lists = {}, {}
  for _, list in ipairs(due) do
    -- Lua passes no more than some thousands of arguments; the pieces are even, for pairs.
    for from = 1, list.length, 2000 do
      redis.call(list.command, list.key, unpack(list, from, math.min(from + 1999, list.length)))
    end
  end
  for key, fields in pairs(sums) do
    for field, by in pairs(fields) do
      if by ~= 0 then redis.call('HINCRBY', key, field, whole(by)) end
    end
  end
  sums = {}
  for name, value in pairs(counters) do redis.call('HSET', CONFIG, name, whole(value)) end
  counters = {}
end

-- The script ends with this answer.
local function finish(reply)
  for _, close in ipairs(closing) do close() end
  flush()
  return reply
end
