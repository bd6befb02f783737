-- Ends deliveries: each job is done, dead, or back in its lane.
-- arg: late (ms: how long an unanswered call may still arrive); headStart; reserve, spread; breakerAfter, probeEvery (ms); reports {lane = report, …} (see
--   part/ledger.lua: the last of each lane), reportFor; paces {lane = {…}, …} (see count_pace there).
-- ARGV[3…]: five per job: reference; token; contact keys (11 bytes each); what is kept of it after its end's time, if it is done: 'd',
--   fingerprint (8 bytes), token (6 bytes), the outcome (JSON); how it ended, '' if as most do: done, its call answered, nothing in its
--   journal; else a MessagePack map:
--   permit 'answered' | 'unanswered' | 'unsent'
--   to 'done' (effect: id or nil) | 'dead' (cause, fields) | 'back' (at: ms from now; attempt, delivery: what is counted, 0 or 1; fields)
--   hold (ms from now or nil), why, auth; api 'up' | 'down' | nil: what the call says of the API, for the breaker; history: a line or nil
-- A group is settled in one call: riders that are not named in it come back as if they had not been taken.
-- Returns one letter per job: 'o' ok, 'l' lost (the token is another's) or 'm' missing, by what was before the call. Repeated with the same
-- token it returns 'o' again.
-- Who does not hold the job any more may have settled it already.
local function refusal(job, token)
  if redis.call('HGET', RUN .. key_of(job), 'settled') == token then return 'o' end
  local record = record_of(job)
  if not record then return 'm' end
  if kind_of(record) == 'd' and struct.unpack('>I6', string.sub(record, 16, 21)) == tonumber(token) then return 'o' end
  return 'l'
end

local function settle_permit(lane, permit)
  if permit == 'unsent' then return take_permits(lane, -1) end
  return_permits(lane, 1, permit == 'answered' and now or now + arg.late)
end

-- Holds the lane for `wait`, or longer if it is held longer already.
local function hold(lane, wait, why)
  if now + wait <= (tonumber(lane.stored.hold) or 0) then return end
  set(lane, 'hold', now + wait)
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

local function close(job, keys)
  add(OPEN, job.tenant, -1)
  add(COUNTS, 'open', -1)
  local next_lane = leave(job, keys)
  if next_lane then lane_of(next_lane) end
end

local function finish_job(job)
  gather('HSET', JOB .. job.tenant, job.id, pack_time(now) .. job.outcome)
  gather('RPUSH', ENDED, string.format('%d/%s', now, key_of(job)))
  add(COUNTS, 'done', 1)
  close(job, job.keys)
end

-- No two deaths have one moment: jobs of one contact that die within a millisecond are still listed and retried in their order.
local function moment_of_death()
  local last = tonumber(redis.call('HGET', CONFIG, 'death')) or 0
  local at = string.format('%.10f', math.max(now, last + 1 / 1024))
  redis.call('HSET', CONFIG, 'death', at)
  return at
end

local function bury(job, keys, item)
  local at = moment_of_death()
  local key = key_of(job)
  redis.call('HSET', RUN .. key, 'cause', item.cause, 'deadAt', string.match(at, '^%d+'), 'lane', job.lane)
  redis.call('ZADD', DEAD, at, key)
  redis.call('ZADD', DEAD_TENANT .. job.tenant, at, key)
  redis.call('ZADD', DEAD_CAUSE .. item.cause, at, key)
  redis.call('HINCRBY', CAUSES, item.cause, 1)
  close(job, keys)
end

-- It has not ended as most do.
local function settle_otherwise(job, item)
  local token, keys = job.token, job.keys
  local lane, run_key, history = lane_of(job.lane), RUN .. key_of(job), HISTORY .. key_of(job)
  if job.role ~= 'rider' then settle_call(lane, item) end
  if item.auth then redis.call('HSET', REFUSED, job.lane, item.auth) end
  if item.to == 'done' then
    if item.effect then redis.call('HSET', EFFECTS .. job.tenant, item.effect, job.id) end
    redis.call('DEL', run_key, history)
    return finish_job(job)
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
  if item.to == 'dead' then return bury(job, keys, item) end
  return_rider(job, job.order, record_of(job), now + item.at)
end

-- Where the riders stood whose leaders' runs end in this call.
local function orders_of(leaders)
  local orders = {}
  for _, leader in ipairs(leaders) do
    for _, rider in ipairs(riders_of(leader)) do orders[rider.ref] = { order = rider.order } end
  end
  return orders
end

local function settle_one(job)
  if job.rest ~= '' then return settle_otherwise(job, cmsgpack.unpack(job.rest)) end
  if job.role ~= 'rider' then
    local lane = lane_of(job.lane)
    return_permits(lane, 1, now)
    close_breaker(lane)
  end
  finish_job(job)
end

transition(function()
  local refs, roots, leaders = {}, {}, {}
  for i = 3, #ARGV, 5 do refs[#refs + 1] = ARGV[i] end
  local holders = redis.call('HMGET', RUNNING, unpack(refs))
  for i, ref in ipairs(refs) do
    local token, role = parse_holder(holders[i])
    holders[i] = { token = token, role = role }
    if role == 'leader' and token == ARGV[5 * i - 1] then leaders[#leaders + 1] = ref end
  end
  local orders = orders_of(leaders)
  local settled, codes = {}, {}
  for i, ref in ipairs(refs) do
    local at, job, holder = 5 * i - 2, parse_ref(ref), holders[i]
    local token = ARGV[at + 1]
    -- One that comes twice in one call is settled once; a rider only with its leader.
    if settled[ref] ~= token and holder.token == token and (holder.role ~= 'rider' or orders[ref]) then
      codes[i], settled[ref] = 'o', token
      job.token, job.keys, job.outcome, job.rest = token, split_keys(ARGV[at + 2]), ARGV[at + 3], ARGV[at + 4]
      job.role, job.order = holder.role, orders[ref] and orders[ref].order
      settled[#settled + 1] = job
      if job.keys[1] then
        local tenant_roots = roots[job.tenant] or {}
        roots[job.tenant] = tenant_roots
        tenant_roots[#tenant_roots + 1] = root_of(job.tenant, job.keys[1])
      end
      gather('ZREM', LEASES, ref)
      gather('HDEL', RUNNING, ref)
    else
      codes[i] = settled[ref] == token and 'o' or refusal(job, token)
    end
  end
  for tenant, of_tenant in pairs(roots) do read_heads(tenant, of_tenant) end
  flush()
  -- Before their leaders, who let go what comes after them.
  for _, leader in ipairs(leaders) do disband(leader, settled[leader]) end
  for _, rider_first in ipairs({ true, false }) do
    for _, job in ipairs(settled) do
      if (job.role == 'rider') == rider_first then settle_one(job) end
    end
  end
  -- Counted with what is settled: repeated, nothing is.
  for name, pace in pairs(arg.paces) do
    if lanes[name] then count_pace(lanes[name], unpack(pace)) end
  end
  for name, report in pairs(arg.reports) do believe(lane_of(name), report) end
  for _, lane in pairs(lanes) do announce_lane(lane) end
  return finish(table.concat(codes))
end)
