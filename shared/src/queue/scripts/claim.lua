-- Gives a worker jobs that may be called now: their contact's first, their call permitted, their lease taken.
-- arg: worker; claim (number of this request: repeated after a lost answer it returns the same jobs); slots; lease, silence, late (ms);
--   headStart; reserve; lanes, moves, takebacks (bounds); suspect (leases lost in a row before only a delivery alone counts); workerTtl (ms).
-- ARGV[3…]: two per lane in which this worker holds slots: lane, slots held.
-- Returns {now, next (ms of the next moment, -1 none), jobs…}, a job being {reference, token, deliveries, record, probe 0|1, run fields…, burst, daily}.
local worker_key = WORKER .. arg.worker
redis.call('ZADD', WORKERS, now, arg.worker)

local function reply(entries)
  local first = redis.call('ZRANGE', LANES, 0, 0, 'WITHSCORES')
  local at = tonumber(first[2])
  local out = { now, (at and at < math.huge) and math.max(at, now) or -1 }
  for _, entry in ipairs(entries) do out[#out + 1] = entry end
  return out
end

local function describe(job, token, deliveries, record, probe, ledger, fresh)
  local run = fresh and {} or redis.call('HGETALL', RUN .. job.key)
  return { job.ref, token, deliveries, record or '', probe and 1 or 0, run, ledger[1].quota, ledger[DAILY].quota }
end

local previous = redis.call('HMGET', worker_key, 'claim', 'refs')
if tonumber(previous[1]) == arg.claim then
  local again = {}
  for ref, token in string.gmatch(previous[2] or '', '([^\n]+)\n(%d+)\n') do
    local job = parse_ref(ref)
    local run = redis.call('HMGET', RUN .. job.key, 'token', 'deliveries', 'probe')
    if run[1] == token then
      -- The worker counts its lease from the request that was answered.
      redis.call('ZADD', LEASES, 'XX', now + arg.lease, job.ref)
      again[#again + 1] = describe(job, tonumber(token), tonumber(run[2]), redis.call('HGET', JOB .. job.tenant, job.id), run[3],
        read_ledger(job.lane))
    end
  end
  return reply(again)
end

-- A silence of every worker longer than `silence` means that Redis was away: nobody's lease ends for that.
local pulse = redis.call('HMGET', CONFIG, 'pulse', 'grace')
local grace = tonumber(pulse[2]) or 0
if pulse[1] and now - tonumber(pulse[1]) > arg.silence then
  grace = now + arg.lease
  redis.call('HSET', CONFIG, 'grace', grace)
end
redis.call('HSET', CONFIG, 'pulse', now)

local slots, entries, names = arg.slots, {}, {}
local held = {}
for i = 3, #ARGV, 2 do held[ARGV[i]] = tonumber(ARGV[i + 1]) end

-- A lease that ended: its holder may write nothing any more, and its call can arrive until `late` after the lease's end. The last count
-- that makes a job poisonous needs a delivery that was `alone` in its worker: the one that ended it may have been a neighbour's.
local function take_back(ref, lease_end)
  local job = parse_ref(ref)
  local run_key = RUN .. job.key
  redis.call('ZREM', LEASES, ref)
  local run = redis.call('HMGET', run_key, 'token', 'alone', 'lost')
  if (tonumber(run[3]) or 0) < arg.suspect or (run[1] and run[1] == run[2]) then redis.call('HINCRBY', run_key, 'lost', 1) end
  local ledger = read_ledger(job.lane)
  return_permits(ledger, 1, lease_end + arg.late)
  redis.call('HDEL', run_key, 'token', 'probe', 'alone')
  redis.call('HSET', run_key, 'lostAt', lease_end)
  requeue(job, redis.call('HGET', JOB .. job.tenant, job.id), now)
  place_lane(job.lane, ledger)
end

if now >= grace then
  local ended = redis.call('ZRANGEBYSCORE', LEASES, '-inf', '(' .. string.format('%.0f', now), 'WITHSCORES', 'LIMIT', 0, arg.takebacks)
  for i = 1, #ended, 2 do take_back(ended[i], tonumber(ended[i + 1])) end
end

-- Moves what has come due: scheduled jobs join their sequences, retrying ones have kept their places.
local function promote(lane)
  local ready = redis.call('ZRANGEBYSCORE', WAIT .. lane, '-inf', now, 'WITHSCORES', 'LIMIT', 0, moves_left)
  moves_left = moves_left - #ready / 2
  for i = 1, #ready, 2 do
    local job = parse_ref(lane .. '/' .. ready[i])
    redis.call('ZREM', WAIT .. lane, job.ticket)
    local effective = priority_at_head(job, contact_keys(redis.call('HGET', JOB .. job.tenant, job.id)))
    put_due(lane, job.ticket, rank_of(tonumber(ready[i + 1]), effective), effective)
  end
  join_due(lane)
end

-- The `count` most urgent tickets of the lane, taken out of it; only high ones where the day is down to its reserve.
local function pop_due(lane, count, only_high)
  local candidates = {}
  for _, set in ipairs({ HIGH, DUE }) do
    if set == HIGH or not only_high then
      local found = redis.call('ZRANGE', set .. lane, 0, count - 1, 'WITHSCORES')
      for i = 1, #found, 2 do
        candidates[#candidates + 1] = { set = set, ticket = found[i], rank = tonumber(found[i + 1]) }
      end
    end
  end
  table.sort(candidates, function(a, b)
    if a.rank ~= b.rank then return a.rank < b.rank end
    return a.ticket < b.ticket
  end)
  local tickets = {}
  for i = 1, math.min(count, #candidates) do
    redis.call('ZREM', candidates[i].set .. lane, candidates[i].ticket)
    tickets[i] = candidates[i].ticket
  end
  return tickets
end

local function start(ledger, ticket, record, probe)
  local job = parse_ref(ledger.lane .. '/' .. ticket)
  local token = redis.call('HINCRBY', CONFIG, 'fence', 1)
  local run_key = RUN .. job.key
  local deliveries = redis.call('HINCRBY', run_key, 'deliveries', 1)
  -- `worker` is never taken out: two new fields mean that no delivery before has left anything to read.
  local fresh = redis.call('HSET', run_key, 'token', token, 'worker', arg.worker) == 2
  if probe then redis.call('HSET', run_key, 'probe', 1) end
  redis.call('ZADD', LEASES, now + arg.lease, job.ref)
  entries[#entries + 1] = describe(job, token, deliveries, record, probe, ledger, fresh)
  names[#names + 1] = string.format('%s\n%d\n', job.ref, token)
end

-- How many more of this worker's slots the lane may take: one at a time, only while it holds fewer than are free.
local function slots_for(lane)
  local free, mine, take = slots, held[lane] or 0, 0
  while free > 0 and mine < free do free, mine, take = free - 1, mine + 1, take + 1 end
  return take
end

local function serve(lane)
  local state = redis.call('HMGET', LANE .. lane, 'paused', 'hold', 'open')
  local ledger = read_ledger(lane)
  if state[1] or (tonumber(state[2]) or 0) > now then return place_lane(lane, ledger, true) end
  promote(lane)
  local permits, only_high = free_permits(ledger, arg.reserve), false
  if permits == 0 then
    permits, only_high = free_permits(ledger, 0), true
  end
  -- An open breaker lets one probe through at a time.
  if state[3] then permits = math.min(permits, 1 - ledger.flying) end
  local take = math.min(permits, slots_for(lane))
  local tickets = take > 0 and pop_due(lane, take, only_high) or {}
  if #tickets > 0 then
    local _, tenant = parse_lane(lane)
    local ids = {}
    for i, ticket in ipairs(tickets) do ids[i] = string.sub(ticket, 2) end
    local records = redis.call('HMGET', JOB .. tenant, unpack(ids))
    for i, ticket in ipairs(tickets) do start(ledger, ticket, records[i], state[3]) end
    take_permits(ledger, #tickets)
    slots = slots - #tickets
    held[lane] = (held[lane] or 0) + #tickets
  end
  place_lane(lane, ledger, true)
end

local visited = 0
while slots > 0 and visited < arg.lanes do
  -- More lanes than slots: one that may take none of this worker's must not stand before one that may.
  local ready = redis.call('ZRANGEBYSCORE', LANES, '-inf', now, 'LIMIT', 0, arg.lanes - visited)
  if #ready == 0 then break end
  local before = #entries
  for _, lane in ipairs(ready) do
    if slots == 0 then break end
    visited = visited + 1
    serve(lane)
  end
  -- All that was visited is at its new moment now; a round that gave nothing would only visit the same lanes again.
  if #entries == before then break end
end

-- What is due and was left (no slot, or too many lanes) is another worker's, if one is idle.
local left = redis.call('ZRANGEBYSCORE', LANES, '-inf', now, 'LIMIT', 0, 1)
if left[1] then wake() end
redis.call('HSET', worker_key, 'claim', arg.claim, 'refs', table.concat(names))
redis.call('PEXPIRE', worker_key, arg.workerTtl)
return reply(entries)
