-- Ends deliveries: each job is done, dead, or back in its lane.
-- arg: late (ms: how long an unanswered call may still arrive); headStart; reserve; breakerAfter, probeEvery (ms).
-- ARGV[3…]: one MessagePack map per job:
--   reference, token, permit 'answered' | 'unanswered' | 'unsent'
--   to 'done' (result: JSON; effect: id or nil) | 'dead' (cause, fields) | 'back' (at: ms from now; attempt, delivery: what is counted, 0 or 1; fields)
--   hold (ms from now or nil), why, auth; api 'up' | 'down' | nil: what the call says of the API, for the breaker; history: a line or nil
-- Returns per job 'ok', 'lost' (the token is another's) or 'missing'. Repeated with the same token it returns 'ok' again.
local lanes, codes = {}, {}

local function ledger_of(lane)
  lanes[lane] = lanes[lane] or read_ledger(lane)
  return lanes[lane]
end

local function ownership(job, token, run)
  if run[1] == token then return 'mine' end
  if run[2] == token then return 'ok' end
  local record = redis.call('HGET', JOB .. job.tenant, job.id)
  if not record then return 'missing' end
  if string.sub(record, 17, 17) == 'd' and struct.unpack('>I6', string.sub(record, 24, 29)) == tonumber(token) then return 'ok' end
  return 'lost'
end

local function settle_permit(job, permit)
  if permit == 'unsent' then return take_permits(ledger_of(job.lane), -1) end
  return_permits(ledger_of(job.lane), 1, permit == 'answered' and now or now + arg.late)
end

-- Holds the lane for `wait`, or longer if it is held longer already.
local function hold(job, wait, why)
  local lane = LANE .. job.lane
  local held = tonumber(redis.call('HGET', lane, 'hold')) or 0
  if now + wait > held then redis.call('HSET', lane, 'hold', now + wait, 'why', why) end
end

-- Consecutive failures of the API open the breaker; while it is open one probe at a time goes out, the next no sooner than `probeEvery`.
local function breaker(job, api)
  local lane = LANE .. job.lane
  if api == 'up' then
    close_breaker(job.lane)
  elseif api == 'down' and redis.call('HINCRBY', lane, 'failures', 1) >= arg.breakerAfter then
    redis.call('HSET', lane, 'open', 1)
    hold(job, arg.probeEvery, 'breaker')
  end
end

local function close(job, keys)
  redis.call('HINCRBY', OPEN, job.tenant, -1)
  redis.call('HINCRBY', COUNTS, 'open', -1)
  local next_lane = leave(job, keys)
  if next_lane then ledger_of(next_lane) end
end

local function finish(job, item, record)
  local keys = contact_keys(record)
  redis.call('HSET', JOB .. job.tenant, job.id, pack_done(record, item.token, item.result))
  redis.call('DEL', RUN .. job.key)
  redis.call('RPUSH', ENDED, string.format('%.0f/%s', now, job.key))
  redis.call('HINCRBY', COUNTS, 'done', 1)
  if item.effect then redis.call('HSET', EFFECTS .. job.tenant, item.effect, job.id) end
  close(job, keys)
end

-- No two deaths have one moment: jobs of one contact that die within a millisecond are still listed and retried in their order.
local function moment_of_death()
  local last = tonumber(redis.call('HGET', CONFIG, 'death')) or 0
  local at = string.format('%.10f', math.max(now, last + 1 / 1024))
  redis.call('HSET', CONFIG, 'death', at)
  return at
end

local function bury(job, item, record)
  local run_key = RUN .. job.key
  local at = moment_of_death()
  redis.call('HSET', run_key, 'cause', item.cause, 'deadAt', string.match(at, '^%d+'), 'lane', job.lane)
  redis.call('ZADD', DEAD, at, job.key)
  redis.call('ZADD', DEAD_TENANT .. job.tenant, at, job.key)
  redis.call('ZADD', DEAD_CAUSE .. item.cause, at, job.key)
  redis.call('HINCRBY', CAUSES, item.cause, 1)
  close(job, item.keys or contact_keys(record))
end

local function put_back(job, item, record)
  local run_key = RUN .. job.key
  if item.delivery == 0 then redis.call('HINCRBY', run_key, 'deliveries', -1) end
  requeue(job, record, now + item.at)
end

for i = 3, #ARGV do
  local item = cmsgpack.unpack(ARGV[i])
  local job = parse_ref(item.reference)
  local run_key, token = RUN .. job.key, tostring(item.token)
  local run = redis.call('HMGET', run_key, 'token', 'settled')
  local code = ownership(job, token, run)
  if code == 'mine' then
    code = 'ok'
    local record = redis.call('HGET', JOB .. job.tenant, job.id)
    redis.call('ZREM', LEASES, job.ref)
    settle_permit(job, item.permit)
    ledger_of(job.lane)
    breaker(job, item.api)
    if item.hold then hold(job, item.hold, item.why) end
    if item.auth then redis.call('HSET', REFUSED, job.lane, item.auth) end
    if item.to == 'done' then
      finish(job, item, record)
    else
      redis.call('HDEL', run_key, 'token', 'probe', 'alone', 'step', 'lostAt')
      redis.call('HSET', run_key, 'settled', token)
      write_fields(run_key, item.fields)
      if item.attempt == 1 then
        redis.call('HINCRBY', run_key, 'attempts', 1)
      end
      -- Only deliveries in a row that end their workers make a job poisonous.
      if item.attempt == 1 or item.api then redis.call('HDEL', run_key, 'lost') end
      if item.history then
        redis.call('RPUSH', HISTORY .. job.key, item.history)
        redis.call('LTRIM', HISTORY .. job.key, -50, -1)
      end
      if item.to == 'dead' then bury(job, item, record) else put_back(job, item, record) end
    end
    if item.to == 'done' then redis.call('DEL', HISTORY .. job.key) end
  end
  codes[#codes + 1] = code
end
for lane, ledger in pairs(lanes) do announce_lane(lane, ledger) end
return codes
