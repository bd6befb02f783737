-- Writes of one kind to one key are gathered and sent as one command: `flush` sends them, at the latest as the script ends (`finish`).
-- Whoever reads what may have been gathered calls `flush` before.
local gathered, sums, counters
resets[#resets + 1] = function() gathered, sums, counters = {}, {}, {} end
-- What is kept in Lua until the end, and how each of it is written then.
local closing = {}

local function gather(command, key, ...)
  local name = command .. key
  local list = gathered[name]
  if not list then
    list = { command = command, key = key }
    gathered[name] = list
    gathered[#gathered + 1] = list
  end
  for i = 1, select('#', ...) do list[#list + 1] = (select(i, ...)) end
end

-- Adds to a number in a hash.
local function add(key, field, by)
  local fields = sums[key] or {}
  sums[key] = fields
  fields[field] = (fields[field] or 0) + by
end

-- The next `count` numbers of a counter of the shard; returns the first.
local function number(name, count)
  local last = counters[name] or tonumber(redis.call('HGET', CONFIG, name)) or 0
  counters[name] = last + count
  return last + 1
end

local function flush()
  local lists = gathered
  gathered = {}
  for _, list in ipairs(lists) do
    -- Lua passes no more than some thousands of arguments; the pieces are even, for pairs.
    for from = 1, #list, 2000 do
      redis.call(list.command, list.key, unpack(list, from, math.min(from + 1999, #list)))
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
