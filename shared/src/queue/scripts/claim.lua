-- Gives a worker jobs that may be called now: their contact's first, their call permitted, their lease taken.
-- arg: worker; claim (number of this request: repeated after a lost answer it returns the same jobs); slots; lease, silence, late (ms);
--   headStart; reserve, spread; lanes, moves, takebacks (bounds); suspect (leases lost in a row before only a delivery alone counts); workerTtl (ms).
-- ARGV[3…]: two per lane in which this worker holds slots: lane, slots held.
-- Returns {now, next (ms of the next moment, -1 none), lanes, jobs}: of each lane its name, burst, daily and 1 if its breaker is open; of each
-- job its reference, token, record, and what its run has (fields and values; '' if it was never claimed before).
local told, jobs, slots, held, names

local function describe(lane, ref, token, record, run)
  if not told[lane.name] then
    told[lane.name] = true
    for _, value in ipairs({ lane.name, lane[1].quota, lane[DAILY].quota, lane.stored.open and 1 or 0 }) do told[#told + 1] = value end
  end
  local at = #jobs
  jobs[at + 1], jobs[at + 2], jobs[at + 3], jobs[at + 4] = ref, token, record or '', run
end

local function reply()
  finish()
  local first = redis.call('ZRANGE', LANES, 0, 0, 'WITHSCORES')
  local at = tonumber(first[2])
  local out = {}
  for i, value in ipairs(told) do out[i] = value end
  return { now, (at and at < math.huge) and math.max(at, now) or -1, out, jobs }
end

-- The jobs that the same request was given before.
local function repeat_claim(refs)
  for ref, token in string.gmatch(refs, '([^\n]+)\n(%d+)\n') do
    if holder_of(ref) == token then
      local job = parse_ref(ref)
      -- The worker counts its lease from the request that was answered.
      redis.call('ZADD', LEASES, whole(now + arg.lease), ref)
      describe(lane_of(job.lane), ref, tonumber(token), record_of(job), redis.call('HGETALL', RUN .. key_of(job)))
    end
  end
  return reply()
end

-- A silence of every worker longer than `silence` means that Redis was away: nobody's lease ends for that. Returns until when.
local function grace()
  local pulse = redis.call('HMGET', CONFIG, 'pulse', 'grace')
  local until_then = tonumber(pulse[2]) or 0
  if pulse[1] and now - tonumber(pulse[1]) > arg.silence then
    until_then = now + arg.lease
    redis.call('HSET', CONFIG, 'grace', whole(until_then))
  end
  redis.call('HSET', CONFIG, 'pulse', whole(now))
  return until_then
end

-- A lease that ended: its holder may write nothing any more, and its call can arrive until `late` after the lease's end. The last count
-- that makes a job poisonous needs a delivery that was `alone` in its worker: the one that ended it may have been a neighbour's.
local function take_back(ref, lease_end)
  local job = parse_ref(ref)
  local run_key = RUN .. key_of(job)
  local token = holder_of(ref)
  redis.call('ZREM', LEASES, ref)
  redis.call('HDEL', RUNNING, ref)
  local run = redis.call('HMGET', run_key, 'alone', 'lost')
  if (tonumber(run[2]) or 0) < arg.suspect or (token and token == run[1]) then redis.call('HINCRBY', run_key, 'lost', 1) end
  redis.call('HINCRBY', run_key, 'deliveries', 1)
  redis.call('HDEL', run_key, 'alone')
  redis.call('HSET', run_key, 'lostAt', lease_end)
  local lane = lane_of(job.lane)
  return_permits(lane, 1, lease_end + arg.late)
  requeue(job, record_of(job), now)
  place_lane(lane)
end

local function take_back_ended()
  local ended = redis.call('ZRANGEBYSCORE', LEASES, '-inf', '(' .. whole(now), 'WITHSCORES', 'LIMIT', 0, arg.takebacks)
  for i = 1, #ended, 2 do take_back(ended[i], tonumber(ended[i + 1])) end
end

-- Moves what has come due: scheduled jobs join their sequences, retrying ones have kept their places.
local function promote(lane)
  local ready = redis.call('ZRANGEBYSCORE', WAIT .. lane, '-inf', now, 'WITHSCORES', 'LIMIT', 0, moves_left)
  moves_left = moves_left - #ready / 2
  for i = 1, #ready, 2 do
    local job = job_of(lane, ready[i])
    redis.call('ZREM', WAIT .. lane, job.ticket)
    local effective = priority_at_head(job, contact_keys(record_of(job)))
    put_due(lane, job.ticket, rank_of(tonumber(ready[i + 1]), effective), effective)
  end
  join_due(lane)
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

-- The first `count` of the line, each with its rank; they are out of it.
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

-- The `count` most urgent tickets of the lane, taken out of it; only high ones where the day is down to its reserve.
local function pop_due(lane, count, only_high)
  flush()
  local found = {}
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
  table.sort(found, function(a, b)
    if a.rank ~= b.rank then return a.rank < b.rank end
    if a.key ~= b.key then return (a.key or '~') < (b.key or '~') end
    return a.turn < b.turn
  end)
  for i = #found, count + 1, -1 do
    if found[i].entry then redis.call('LPUSH', LINE .. lane.name, found[i].entry) end
    found[i] = nil
  end
  for _, due in ipairs(found) do
    if due.key then redis.call('ZREM', due.key .. lane.name, due.ticket) end
  end
  return found
end

local function start(lane, due, record, token)
  local ref, run = lane.name .. '/' .. due.ticket, ''
  -- Nobody has ever had what comes out of the line: it has no run.
  if due.key then
    local _, tenant = parse_lane(lane.name)
    run = redis.call('HGETALL', RUN .. tenant .. '/' .. string.sub(due.ticket, 2))
  end
  local holder = token .. '/' .. arg.worker
  gather('ZADD', LEASES, whole(now + arg.lease), ref)
  gather('HSET', RUNNING, ref, lane.stored.open and holder .. '/probe' or holder)
  describe(lane, ref, token, record, run)
  names[#names + 1] = ref
  names[#names + 1] = token
end

-- How many more of this worker's slots the lane may take: one at a time, only while it holds fewer than are free.
local function slots_for(lane)
  local free, mine, take = slots, held[lane] or 0, 0
  while free > 0 and mine < free do free, mine, take = free - 1, mine + 1, take + 1 end
  return take
end

local function serve(name)
  local lane = lane_of(name)
  local stored = lane.stored
  if stored.paused or (tonumber(stored.hold) or 0) > now then return place_lane(lane, true) end
  promote(name)
  local permits, only_high = free_permits(lane, false), false
  if permits == 0 then
    permits, only_high = free_permits(lane, true), true
  end
  -- An open breaker lets one probe through at a time.
  if stored.open then permits = math.min(permits, 1 - lane.flying) end
  local take = math.min(permits, slots_for(name))
  local due = take > 0 and pop_due(lane, take, only_high) or {}
  if #due > 0 then
    local _, tenant = parse_lane(name)
    local ids = {}
    for i, found in ipairs(due) do ids[i] = string.sub(found.ticket, 2) end
    local records = redis.call('HMGET', JOB .. tenant, unpack(ids))
    local token = number('fence', #due)
    for i, found in ipairs(due) do start(lane, found, records[i], token + i - 1) end
    take_permits(lane, #due)
    slots = slots - #due
    held[name] = (held[name] or 0) + #due
  end
  place_lane(lane, true)
end

-- Serves the lanes whose moment has come, oldest first.
local function serve_ready()
  local visited = 0
  while slots > 0 and visited < arg.lanes do
    -- More lanes than slots: one that may take none of this worker's must not stand before one that may.
    local ready = redis.call('ZRANGEBYSCORE', LANES, '-inf', now, 'LIMIT', 0, arg.lanes - visited)
    if #ready == 0 then break end
    local before = #jobs
    for _, name in ipairs(ready) do
      if slots == 0 then break end
      visited = visited + 1
      serve(name)
    end
    -- All that was visited is at its new moment now; a round that gave nothing would only visit the same lanes again.
    if #jobs == before then break end
  end
end

transition(function()
  local worker_key = WORKER .. arg.worker
  told, jobs, slots, held, names = {}, {}, arg.slots, {}, {}
  for i = 3, #ARGV, 2 do held[ARGV[i]] = tonumber(ARGV[i + 1]) end
  redis.call('ZADD', WORKERS, whole(now), arg.worker)
  local previous = redis.call('HMGET', worker_key, 'claim', 'refs')
  if tonumber(previous[1]) == arg.claim then return repeat_claim(previous[2] or '') end
  if now >= grace() then take_back_ended() end
  serve_ready()
  -- What is due and was left (no slot, or too many lanes) is another worker's, if one is idle.
  local left = redis.call('ZRANGEBYSCORE', LANES, '-inf', now, 'LIMIT', 0, 1)
  if left[1] then wake() end
  names[#names + 1] = ''
  redis.call('HSET', worker_key, 'claim', arg.claim, 'refs', table.concat(names, '\n'))
  redis.call('PEXPIRE', worker_key, arg.workerTtl)
  return reply()
end)
