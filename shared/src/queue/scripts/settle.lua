-- Ends deliveries: each job is done, dead, or back in its lane.
-- arg: late (ms: how long an unanswered call may still arrive); silence (ms), known, seen, since, latest, slow (see part/era.lua); headStart; reserve,
--   spread; breakerAfter, probeEvery (ms); reports {lane = {report, …}, …} (see part/report.lua: those of each lane that count), reportFor; paces
--   {lane = {…}, …} (see count_pace there); lanes {{lane, how many of the jobs are its own}, …}.
-- ARGV[3…]: five per job, lane by lane: ticket; token; contact keys (11 bytes each); what is kept of it after its end's time, if it is done: 'd',
--   fingerprint (8 bytes), token (6 bytes), the outcome (JSON); how it ended, '' if as most do: done, its call answered, nothing in its
--   journal; else a MessagePack map:
--   permit 'answered' | 'unanswered' | 'unsent'
--   to 'done' | 'dead' (cause, fields) | 'back' (at: ms from now; attempt, delivery: what is counted, 0 or 1; fields) | 'aside' (at, fields: it leaves
--     its sequence until then)
--   effect: the id of what it has made, or nil, where it is done or will be; stale (true): it was for a while not certain that it had its lease
--   readOnly (true): it waits until its tenant may write
--   hold (ms from now or nil), why, auth; api 'up' | 'down' | nil: what the call says of the API, for the breaker; history: a line or nil
-- A group is settled in one call: riders that are not named in it come back as if they had not been taken.
-- Returns {number of the command, one letter per job}: 'o' ok, 'l' lost (the token is another's: what it came to is left for who has it next),
-- 'm' missing, by what was before the call, or 'r' refused: it is not certain that it is done by the effect that it says, and it goes back to find
-- out what it has come to. Repeated with the same token it returns the same, 'o' or 'r'.
local function settle_permit(lane, permit)
  if permit == 'unsent' then return take_permits(lane, -1) end
  return_permits(lane, 1, permit == 'answered' and now or now + arg.late)
end

-- How a delivery ended, where it did not end as most do.
local function item_of(delivery)
  return delivery.rest ~= '' and cmsgpack.unpack(delivery.rest) or {}
end

-- Whether Redis has forgotten something since a token was given.
local is_from_before

local keep_effect, refusal
do
  -- The call of a claim that Redis has forgotten (part/era.lua), and its permit with it: the server may have counted it only now. Beside a job
  -- that has no run nothing tells that it was charged: repeated, it is charged again, which is the safe side.
  local function charge_forgotten(delivery)
    if not is_from_before(delivery.token) then return end
    local lane = lane_of(delivery.name)
    local permit = item_of(delivery).permit or 'answered'
    if permit == 'unsent' then return end
    take_permits(lane, 1)
    settle_permit(lane, permit)
  end

  -- What came of a delivery whose job is another's by now. It changes nothing, but who has the job next need not find out again. Beside a job
  -- that has no run it would stay for ever: nobody looks for one that ends as most do.
  local function leave_orphan(run_key, delivery, record)
    if redis.call('EXISTS', run_key) == 0 then return end
    redis.call('HSET', run_key, 'late', delivery.token)
    -- What others have done while it had no lease may be forgotten: that is looked for.
    if is_from_before(delivery.token) and item_of(delivery).stale then return end
    -- A payload that was edited since is another job's, and so is what was stored under its id since.
    local first = tonumber(redis.call('HGET', run_key, 'firstDue')) or due_of(record)
    local orphan = string.sub(delivery.outcome, 16)
    if string.sub(delivery.outcome, 2, 9) == fingerprint_of(record) and tonumber(outcome_of(orphan).life) == first then
      redis.call('HSET', run_key, 'orphan', orphan, 'orphanBy', delivery.token)
    end
  end

  -- What it has made may be there beside what the job is known by: that is told as soon as the job has ended. `record`: how it has, if it has.
  function keep_effect(job, delivery, record)
    local effect = item_of(delivery).effect
    if not effect or is_anothers(job.tenant, effect, job.id) then return end
    if effect_of(record) == effect then return end
    redis.call('HSET', LATE_EFFECTS, delivery.token .. '/' .. job.ref, pack_time(now) .. delivery.outcome)
  end

  -- Who does not hold the job any more may have settled it already, or have brought what it came to.
  function refusal(job, delivery)
    local run_key, token = RUN .. key_of(job), delivery.token
    local run = redis.call('HMGET', run_key, 'settled', 'late', 'refused')
    if run[1] == token then return run[3] == token and 'r' or 'o' end
    local record = record_of(job)
    if record and kind_of(record) == 'd' then
      if struct.unpack('>I6', string.sub(record, 16, 21)) == tonumber(token) then return 'o' end
      keep_effect(job, delivery, record)
      return 'l'
    end
    if run[2] == token then return record and 'l' or 'm' end
    charge_forgotten(delivery)
    keep_effect(job, delivery)
    if not record then return 'm' end
    leave_orphan(run_key, delivery, record)
    return 'l'
  end
end

-- Holds the lane for `wait`, or longer if it is held longer already.
local function hold(lane, wait, why)
  if now + wait <= (tonumber(lane.stored.hold) or 0) then return end
  set(lane, 'hold', now + wait)
  set(lane, 'holdFor', wait)
  set(lane, 'why', why)
end

-- Consecutive failures of the API open the breaker; while it is open one probe at a time goes out, the next no sooner than `probeEvery`.
local function breaker(lane, api)
  if api == 'up' then return close_breaker(lane) end
  if api ~= 'down' then return end
  local failures = (tonumber(lane.stored.failures) or 0) + 1
  set(lane, 'failures', failures)
  if failures >= arg.breakerAfter then
    set(lane, 'open', 1)
    hold(lane, arg.probeEvery, 'breaker')
  end
end

-- The leader's call is its riders' too: the permit, and what was said of the API, are settled with it.
local function settle_call(lane, item)
  settle_permit(lane, item.permit)
  breaker(lane, item.api)
  if item.hold then hold(lane, item.hold, item.why) end
end

-- An open job of the lane has ended.
local function close(lane, job)
  lane.closed = (lane.closed or 0) + 1
  if job.keys ~= '' then leave(lane.tenant, lane.places .. job.ticket, string.sub(job.keys, 1, 11)) end
end

local end_time

local function finish_job(lane, job)
  local id = string.sub(job.ticket, 2)
  gather('HSET', JOB .. lane.tenant, id, end_time .. job.outcome)
  lane.ended = lane.ended or whole(now) .. '/' .. lane.tenant .. '/'
  gather('RPUSH', ENDED, lane.ended .. id)
  lane.done = (lane.done or 0) + 1
  close(lane, job)
end

-- No two deaths have one moment: jobs of one contact that die within a millisecond are still listed and retried in their order.
local function moment_of_death()
  local last = tonumber(redis.call('HGET', CONFIG, 'death')) or 0
  local at = string.format('%.10f', math.max(now, last + 1 / 1024))
  redis.call('HSET', CONFIG, 'death', at)
  return at
end

local function bury(lane, job, key, item)
  local at = moment_of_death()
  redis.call('HSET', RUN .. key, 'cause', item.cause, 'deadAt', string.match(at, '^%d+'), 'lane', lane.name)
  redis.call('ZADD', DEAD, at, key)
  redis.call('ZADD', DEAD_TENANT .. lane.tenant, at, key)
  redis.call('ZADD', DEAD_CAUSE .. item.cause, at, key)
  redis.call('HINCRBY', CAUSES, item.cause, 1)
  close(lane, job)
end

-- The deliveries, reference and token, that have to find out anew what they have come to.
local refused

-- Why it cannot be done by the effect that its delivery says, if it cannot, and how many attempts that counts: its journal stays, and it is
-- looked for.
local function objection(lane, job, id, item)
  -- Of two jobs that say the same of one contact the one took what the other had made, and not yet settled, for its own: whichever is known by
  -- it stays so.
  if is_anothers(lane.tenant, item.effect, id) then return 'what it was taken to have made is known as what another job has made', 1 end
  -- While it had no lease another delivery may have made one, too.
  if item.effect and item.stale and is_from_before(job.token) then return 'Redis has forgotten what others may have made meanwhile', 0 end
end

-- It has not ended as most do.
local function settle_otherwise(lane, job, item)
  local token, ref = job.token, parse_ref(job.ref)
  local key = key_of(ref)
  local run_key, history = RUN .. key, HISTORY .. key
  if job.role ~= 'rider' then settle_call(lane, item) end
  if item.auth then redis.call('HSET', REFUSED, lane.name, item.auth) end
  if item.readOnly then redis.call('HSET', REFUSED, lane.name .. '/writes', 1) end
  local error, attempt = objection(lane, job, ref.id, item)
  if error then
    keep_effect(ref, job)
    -- Whatever it has made is there by now, and is shown a quarantine from now on.
    local fields = { error = error, unanswered = whole(steady_now()), orphan = '', ending = '', refused = token }
    item, refused[job.ref] = { to = 'back', at = 0, attempt = attempt, fields = fields }, token
  end
  if item.effect then redis.call('HSET', EFFECTS .. lane.tenant, item.effect, ref.id) end
  if item.to == 'done' then
    redis.call('DEL', run_key, history)
    return finish_job(lane, job)
  end
  redis.call('HDEL', run_key, 'alone', 'step', 'lostAt')
  redis.call('HSET', run_key, 'settled', token)
  write_fields(run_key, item.fields)
  if item.attempt == 1 then redis.call('HINCRBY', run_key, 'attempts', 1) end
  if item.delivery == 1 then redis.call('HINCRBY', run_key, 'deliveries', 1) end
  -- Only deliveries in a row that end their workers make a job poisonous.
  if item.attempt == 1 or item.api then redis.call('HDEL', run_key, 'lost') end
  if item.history then
    redis.call('RPUSH', history, item.history)
    redis.call('LTRIM', history, -50, -1)
  end
  if item.to == 'dead' then return bury(lane, job, key, item) end
  if item.to == 'aside' then
    if job.keys ~= '' then leave(lane.tenant, lane.places .. job.ticket, string.sub(job.keys, 1, 11)) end
    return put_later(ref, now + item.at)
  end
  return_rider(ref, job.order, record_of(ref), now + item.at)
end

-- The calls that were answered, as most are, are settled together: before one that was not, or as the last.
local function settle_answered(lane)
  local answered = lane.answered or 0
  if answered == 0 then return end
  return_permits(lane, answered, now)
  close_breaker(lane)
  lane.answered = 0
end

local function settle_one(job)
  local lane = job.lane
  if job.rest ~= '' then
    settle_answered(lane)
    return settle_otherwise(lane, job, cmsgpack.unpack(job.rest))
  end
  if job.role ~= 'rider' then lane.answered = (lane.answered or 0) + 1 end
  finish_job(lane, job)
end

local function close_lane(lane)
  settle_answered(lane)
  local done, closed = lane.done or 0, lane.closed or 0
  if done > 0 then add(COUNTS, 'done', done) end
  if closed > 0 then
    add(OPEN, lane.tenant, -closed)
    add(COUNTS, 'open', -closed)
  end
end

-- The deliveries that ARGV names, and who has their jobs.
local function read_deliveries()
  local jobs, refs, at = {}, {}, 3
  for _, group in ipairs(arg.lanes) do
    local name = group[1]
    for _ = 1, group[2] do
      local ref = name .. '/' .. ARGV[at]
      refs[#refs + 1] = ref
      jobs[#jobs + 1] = {
        name = name, ticket = ARGV[at], ref = ref, token = ARGV[at + 1], keys = ARGV[at + 2], outcome = ARGV[at + 3], rest = ARGV[at + 4],
        lane = false, role = false, order = false,
      }
      at = at + 5
    end
  end
  local holders = redis.call('HMGET', RUNNING, unpack(refs))
  return jobs, holders
end

-- Where the riders stood whose leaders' runs end in this call; and those leaders.
local function read_riders(jobs, holders)
  local orders, leaders = {}, {}
  for i, job in ipairs(jobs) do
    local token, role = parse_holder(holders[i])
    if role == 'leader' and token == job.token then
      leaders[#leaders + 1] = job.ref
      for _, rider in ipairs(riders_of(job.ref)) do orders[rider.ref] = { order = rider.order } end
    end
  end
  return orders, leaders
end

-- Takes out of `running` what may be settled. Returns that, what was taken (token by reference), and of each delivery what is to be said.
local function take_over(jobs, holders, orders)
  local settled, taken, codes = {}, {}, {}
  for i, job in ipairs(jobs) do
    local ref, token, holds, role = job.ref, job.token, parse_holder(holders[i])
    -- One that comes twice in one call is settled once; a rider only with its leader.
    if taken[ref] ~= token and holds == token and (role ~= 'rider' or orders[ref]) then
      codes[i], taken[ref] = 'o', token
      job.lane, job.role, job.order = lane_of(job.name), role, orders[ref] and orders[ref].order
      settled[#settled + 1] = job
      gather('ZREM', LEASES, ref)
      gather('HDEL', RUNNING, ref)
    else
      codes[i] = taken[ref] == token and 'o' or refusal(parse_ref(ref), job)
    end
  end
  return settled, taken, codes
end

-- Whether any has made something while it was not certain of its lease.
local function is_stale_effect(jobs)
  for _, job in ipairs(jobs) do
    local item = item_of(job)
    if item.stale and item.effect then return true end
  end
  return false
end

local function read_sequences(settled)
  local roots = {}
  for _, job in ipairs(settled) do
    if job.keys ~= '' then
      local tenant = job.lane.tenant
      local of_tenant = roots[tenant] or {}
      roots[tenant] = of_tenant
      of_tenant[#of_tenant + 1] = root_of(tenant, string.sub(job.keys, 1, 11))
    end
  end
  for tenant, of_tenant in pairs(roots) do read_heads(tenant, of_tenant) end
end

transition(function()
  local tick, doubt, barrier = watch()
  function is_from_before(token) return tonumber(token) <= barrier end
  end_time, refused = pack_time(now), {}
  local jobs, holders = read_deliveries()
  -- Whether it is to be believed is known in a moment.
  if doubt and is_stale_effect(jobs) then return redis.error_reply('TRYAGAIN nobody knows yet whether anything is forgotten') end
  local orders, leaders = read_riders(jobs, holders)
  local settled, taken, codes = take_over(jobs, holders, orders)
  read_sequences(settled)
  flush()
  -- Before their leaders, who let go what comes after them.
  for _, leader in ipairs(leaders) do disband(leader, taken[leader]) end
  for _, job in ipairs(settled) do if job.role == 'rider' then settle_one(job) end end
  for _, job in ipairs(settled) do if job.role ~= 'rider' then settle_one(job) end end
  for i, job in ipairs(jobs) do if refused[job.ref] == job.token then codes[i] = 'r' end end
  for _, lane in pairs(lanes) do close_lane(lane) end
  follow()
  -- Counted with what is settled: repeated, nothing is.
  for name, pace in pairs(arg.paces) do
    if lanes[name] then count_pace(lanes[name], unpack(pace)) end
  end
  for name, reports in pairs(arg.reports) do
    for _, report in ipairs(reports) do believe(lane_of(name), report) end
  end
  for _, lane in pairs(lanes) do announce_lane(lane) end
  return finish({ tick, table.concat(codes) })
end)
