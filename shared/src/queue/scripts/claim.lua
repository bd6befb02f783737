-- Gives a worker jobs that may be called now: their contact's first, their call permitted, their lease taken. Jobs that may become one call
-- are given as one, a group: its first leads, the others ride.
-- arg: worker; known, seen, since, latest, slow (see part/era.lua); claim (number of this request, greater than the last: repeated after a lost answer it
--   returns the same jobs, and after a later request nothing); slots (calls to give at the most), free (the worker's free slots, those included);
--   lease, silence, late (ms); headStart; reserve, spread; lanes, moves, takebacks, jobs (bounds); coalesce (the most jobs of a group, 1: none);
--   suspect (leases lost in a row before only a delivery alone counts); workerTtl (ms).
-- ARGV[3…]: two per lane in which this worker holds slots: lane, slots held.
-- Returns {now, number of the command, next (ms of the next moment, -1 none), what Redis' clock was set by in all (ms, see step.lua), what it has
-- forgotten (see part/era.lua), token, lanes, jobs, more, 1 if it stopped at a bound of its own, so that more may be due for this worker}: of
-- each lane its name, burst, daily and 1 if its breaker is open; of each job its reference and record; and of each that has more than that its
-- place among the jobs (from 0), what its run has (fields and values), and its riders: of each its reference, record, the API's id of its contact
-- ('' if the record tells it or it is the leader's), and 1 if it stands behind the leader.
local answer, lease, tick, given, slots, free, held, weighted, heaviest, bounded

local describe
do
  local function flatten(riders)
    local flat = {}
    for _, rider in ipairs(riders) do
      flat[#flat + 1] = rider.ref
      flat[#flat + 1] = rider.record
      flat[#flat + 1] = rider.contact or ''
      flat[#flat + 1] = rider.order and 1 or 0
    end
    return flat
  end

  function describe(lane, ref, record, run, riders)
    local jobs, more, told = answer.jobs, answer.more, answer.lanes
    if not lane.told then
      lane.told = true
      for _, value in ipairs({ lane.name, lane[1].quota, lane[DAILY].quota, lane.stored.open and 1 or 0 }) do told[#told + 1] = value end
    end
    local at = #jobs
    jobs[at + 1], jobs[at + 2] = ref, record or ''
    if #run > 0 or #riders > 0 then
      for _, value in ipairs({ at / 2, run, flatten(riders) }) do more[#more + 1] = value end
    end
  end
end

local function reply(doubt)
  finish()
  local first = redis.call('ZRANGE', LANES, 0, 0, 'WITHSCORES')
  local at = doubt or tonumber(first[2])
  local told = redis.call('HMGET', CONFIG, 'shift', 'travel')
  return {
    now, tick, (at and at < math.huge) and math.max(at, now) or -1, tonumber(told[1]) or 0, told[2] or '',
    lease.token or 0, answer.lanes, answer.jobs, answer.more, bounded and 1 or 0,
  }
end

local remember_claim, repeat_claim
do
  local function describe_again(ref)
    local job, riders = parse_ref(ref), riders_of(ref)
    for _, rider in ipairs(riders) do
      local rides = parse_ref(rider.ref)
      rider.record = record_of(rides)
      if string.sub(merge_key(rider.record), 1, 1) == 'T' then rider.contact = remembered(rides.tenant, rider.record) end
    end
    describe(lane_of(job.lane), ref, record_of(job), redis.call('HGETALL', RUN .. key_of(job)), riders)
  end

  -- Tells two times apart between which it was told that the clock was set.
  local function last_step()
    local step = redis.call('HMGET', CONFIG, 'shift', 'stepped')
    return (step[1] or '') .. '/' .. (step[2] or '')
  end

  -- What a claim has given, for the same request again: by its token, and by the end of its leases, which nobody has prolonged as long as its
  -- answer is missing, but whoever has told that the clock was set (step.lua).
  function remember_claim(worker_key)
    redis.call('HSET', worker_key, 'claim', arg.claim, 'token', lease.token and whole(lease.token) or '', 'ends', lease.ends, 'step', last_step())
  end

  -- The jobs that the same request was given before.
  function repeat_claim(worker_key)
    local given = redis.call('HMGET', worker_key, 'token', 'ends', 'step')
    lease.token = tonumber(given[1])
    local from, till = given[2], given[2]
    if given[3] ~= last_step() then from, till = '-inf', '+inf' end
    for _, ref in ipairs(lease.token and redis.call('ZRANGEBYSCORE', LEASES, from, till) or {}) do
      if holder_of(ref) == given[1] then
        -- The worker counts its lease from the request that was answered.
        redis.call('ZADD', LEASES, lease.ends, ref)
        describe_again(ref)
      end
    end
    remember_claim(worker_key)
    return reply()
  end
end

-- A silence of every worker longer than `silence` means that Redis was away: nobody's lease ends for that. Returns until when.
local function grace()
  local pulse = redis.call('HMGET', CONFIG, 'pulse', 'grace', 'weighted')
  weighted = pulse[3]
  local until_then = tonumber(pulse[2]) or 0
  if pulse[1] and now - tonumber(pulse[1]) > arg.silence then
    until_then = math.huge
  end
  -- As when it is from a clock that was ahead.
  if until_then > now + arg.lease then
    until_then = now + arg.lease
    redis.call('HSET', CONFIG, 'grace', whole(until_then))
  end
  redis.call('HSET', CONFIG, 'pulse', whole(now))
  return until_then
end

local take_back_ended
do
  -- When a lease ended. One that was taken before the clock was set was measured by another, and only this is certain, that it has ended by now.
  local shift, stepped
  local function end_of(lease_end)
    return lease_end - arg.lease >= stepped and lease_end or now
  end

  -- One that went with a lease: nobody knows what its call did.
  local function note_lost(job, lease_end, alone)
    local run_key = RUN .. key_of(job)
    if alone or (tonumber(redis.call('HGET', run_key, 'lost')) or 0) < arg.suspect then redis.call('HINCRBY', run_key, 'lost', 1) end
    redis.call('HINCRBY', run_key, 'deliveries', 1)
    redis.call('HDEL', run_key, 'alone')
    -- By the steady time: Redis' clock less what that was set by.
    redis.call('HSET', run_key, 'lostAt', whole(end_of(lease_end) - shift))
  end

  -- A lease that ended: its holder may write nothing any more, and its call can arrive until `late` after the lease's end. The last count
  -- that makes a job poisonous needs a delivery that was `alone` in its worker: the one that ended it may have been a neighbour's. Returns how many
  -- jobs come back, its riders with it.
  local function take_back(ref, lease_end)
    local job = parse_ref(ref)
    local token, role = holder_of(ref)
    redis.call('ZREM', LEASES, ref)
    redis.call('HDEL', RUNNING, ref)
    note_lost(job, lease_end, token and token == redis.call('HGET', RUN .. key_of(job), 'alone'))
    local count = 1
    if role == 'leader' then
      disband(ref, token, function(rider)
        note_lost(rider, lease_end, false)
        count = count + 1
      end)
    end
    local lane = lane_of(job.lane)
    return_permits(lane, 1, end_of(lease_end) + arg.late)
    requeue(job, record_of(job), now)
    place_lane(lane)
    return count
  end

  function take_back_ended()
    local ended = redis.call('ZRANGEBYSCORE', LEASES, '-inf', '(' .. whole(now), 'WITHSCORES', 'LIMIT', 0, arg.takebacks)
    if #ended == 0 then return end
    local set = redis.call('HMGET', CONFIG, 'shift', 'stepped')
    shift, stepped = tonumber(set[1]) or 0, tonumber(set[2]) or 0
    local back = 0
    for i = 1, #ended, 2 do
      if back >= arg.takebacks then break end
      back = back + take_back(ended[i], tonumber(ended[i + 1]))
    end
  end
end

local serve_ready
do
  -- Moves up to `most` of what has come due: scheduled jobs join their sequences, retrying ones have kept their places.
  local function promote(lane, most)
    local ready = redis.call('ZRANGEBYSCORE', WAIT .. lane, '-inf', now, 'WITHSCORES', 'LIMIT', 0, most)
    local moved = #ready / 2
    moves_left = moves_left - moved
    for i = 1, #ready, 2 do
      local job = job_of(lane, ready[i])
      redis.call('ZREM', WAIT .. lane, job.ticket)
      local effective = priority_at_head(job, contact_keys(record_of(job)))
      put_due(lane, job.ticket, rank_of(tonumber(ready[i + 1]), effective), effective)
    end
    join_due(lane, most - moved)
  end

  local function start(lane, call)
    local ref, riders, holder = call.ref, call.riders, lease.holder
    gather('ZADD', LEASES, lease.ends, ref)
    gather('HSET', RUNNING, ref, lane.stored.open and holder .. 'probe' or #riders > 0 and holder .. 'leader' or holder)
    for _, rider in ipairs(riders) do gather('HSET', RUNNING, rider.ref, holder .. 'rider') end
    if #riders > 0 then store_group(ref, riders) end
    describe(lane, ref, call.record, call.run, riders)
  end

  -- One token is enough for all that a claim gives: what proves itself with it also names its job, and no later claim has the same. It is no
  -- less than the time, so that it is new even to a Redis that has forgotten the last ones.
  local function take_token()
    if lease.token then return end
    local last = tonumber(redis.call('HGET', CONFIG, 'fence')) or 0
    lease.token = math.max(last + 1, now)
    gather('HSET', CONFIG, 'fence', whole(lease.token))
    lease.holder = whole(lease.token) .. '/' .. arg.worker .. '/'
  end

  local function weight_of(name)
    return weighted and tonumber(lane_of(name).stored.weight) or 1
  end

  -- How many more of this worker's slots the lane may take: one at a time, only while it holds fewer than are free, so that some are always
  -- left; a lane lighter than the heaviest gets as much less. `share`: what it may have of them before the others have had their turn.
  local function slots_for(name, share)
    local left, mine, take, weight = free, held[name] or 0, 0, weight_of(name)
    while take < slots and take < share and mine * heaviest < left * weight do left, mine, take = left - 1, mine + 1, take + 1 end
    return take
  end

  -- A lane that has had as many calls as it weighs goes behind the others; until then it keeps its turn.
  local function ends_turn(lane, calls)
    local weight = weight_of(lane.name)
    if weight == 1 then return true end
    local turn = (tonumber(lane.stored.turn) or 0) + calls
    set(lane, 'turn', turn < weight and turn or nil)
    return turn >= weight or calls == 0
  end

  local function serve(name, share, moves)
    local lane = lane_of(name)
    local stored = lane.stored
    if stored.paused or (tonumber(stored.hold) or 0) > now then return place_lane(lane, true) end
    promote(name, moves)
    local permits, only_high = free_permits(lane, false), false
    if permits == 0 then
      permits, only_high = free_permits(lane, true), true
    end
    -- An open breaker lets one probe through at a time.
    if stored.open then permits = math.min(permits, 1 - lane.flying) end
    local take = math.min(permits, slots_for(name, share), arg.jobs - given)
    local calls, taken = {}, 0
    if take > 0 then calls, taken = next_calls(lane, take, arg.jobs - given, only_high) end
    if #calls > 0 then
      given = given + taken
      take_token()
      for _, call in ipairs(calls) do
        local riders = #call.riders
        take_neighbours(lane, call, arg.jobs - given)
        given = given + #call.riders - riders
        start(lane, call)
      end
      take_permits(lane, #calls)
      slots, free = slots - #calls, free - #calls
      held[name] = (held[name] or 0) + #calls
    end
    place_lane(lane, ends_turn(lane, #calls))
  end

  -- What all of these lanes weigh, and the heaviest of them or of those that hold slots, as far as the worker has named them first.
  local function weigh(names)
    if not weighted then return #names end
    local sum = 0
    for i = 3, math.min(#ARGV, 2 + 2 * arg.jobs), 2 do
      heaviest = math.max(heaviest, tonumber(redis.call('HGET', LANE .. ARGV[i], 'weight')) or 1)
    end
    for _, name in ipairs(names) do
      sum = sum + weight_of(name)
      heaviest = math.max(heaviest, weight_of(name))
    end
    return sum
  end

  -- Serves the lanes whose moment has come, oldest first.
  function serve_ready()
    local served, visited = 0, 0
    while slots > 0 and given < arg.jobs and served < arg.lanes and visited < 3 * arg.lanes and moves_left > 0 do
      -- More lanes than slots: one that may take none of this worker's must not stand before one that may.
      local ready = redis.call('ZRANGEBYSCORE', LANES, '-inf', now, 'LIMIT', 0, arg.lanes - served)
      local share = slots / (weigh(ready) + heaviest)
      local wanted, before = arg.lanes - served, given
      for i, name in ipairs(ready) do
        if slots == 0 or given >= arg.jobs then break end
        local had = given
        visited = visited + 1
        -- Each moves as many as the others: what it is to call now, and some more, of which one may be more urgent.
        serve(name, math.max(1, math.floor(share * weight_of(name))), math.ceil(moves_left / (#ready - i + 1)))
        if given > had then served = served + 1 end
      end
      -- All that was visited is at its new moment now; where those were all, a round that gave nothing would only visit the same lanes again.
      if #ready < wanted and given == before then break end
    end
    -- At each of these bounds something was done, so that asking again comes to an end.
    bounded = slots > 0 and (given >= arg.jobs or served >= arg.lanes or moves_left <= 0)
  end
end

transition(function()
  local worker_key = WORKER .. arg.worker
  answer, lease = { lanes = {}, jobs = {}, more = {} }, { ends = whole(now + arg.lease) }
  given, slots, free, held, heaviest, bounded = 0, arg.slots, arg.free, {}, 1, false
  for i = 3, #ARGV, 2 do held[ARGV[i]] = tonumber(ARGV[i + 1]) end
  local doubt, _, is_ahead
  tick, doubt, _, is_ahead = watch(arg.worker)
  redis.call('ZADD', WORKERS, whole(now), arg.worker)
  local last = tonumber(redis.call('HGET', worker_key, 'claim')) or arg.claim - 1
  if last == arg.claim then return repeat_claim(worker_key) end
  -- It was under way for so long that its worker has sent it again, and others since: nobody waits for its answer.
  if last > arg.claim then return reply() end
  -- What seems to be due, to have come back or to have ended may not be: the worker tells first that the clock was set.
  if is_ahead then return reply(doubt or now) end
  local until_then = grace()
  -- Whether the windows are free, and what was sent, is not known yet.
  if doubt then return reply(doubt) end
  if now >= until_then then take_back_ended() end
  serve_ready()
  -- What is due and was left (no slot, or too many lanes) is another worker's, if one is idle.
  local left = redis.call('ZRANGEBYSCORE', LANES, '-inf', now, 'LIMIT', 0, 1)
  if left[1] then wake() end
  remember_claim(worker_key)
  redis.call('PEXPIRE', worker_key, arg.workerTtl)
  return reply()
end)
