-- Between two calls of one job: writes down what is known (the journal), gives the answered call's permit back and takes one for the next.
-- arg: reference; token; step (number within the delivery); answered (true: the last call has its answer); headStart; reserve, spread; silence (ms),
--   known, seen, since, latest, slow (see part/era.lua); report (or nil: see part/report.lua), reportFor; calls, took (calls made since the last step, and
--   ms that these took); fields {name = value, …}: written in any case; intent (or nil): of the next call, written only if that may be sent.
-- A delivery that was claimed before Redis has forgotten something, or while nobody knows whether it has (part/era.lua), does not begin a call that is
-- not idempotent, nor is it told that it may: the next one reads back first.
-- Returns {number of the command, 'granted'; 'later' (no permit, or not this delivery: the job is back at the front of its lane, neither attempt nor
--   delivery counts); 'lost' (another's token)}.
-- Repeated it finds its own mark and, but for that, gives the same answer; one that arrives after a later step changes nothing.
transition(function()
  local tick, doubt, barrier = watch()
  local job = parse_ref(arg.reference)
  local run_key, token = RUN .. key_of(job), whole(arg.token)
  local mark = token .. '/' .. arg.step
  local run = redis.call('HMGET', run_key, 'settled', 'step')
  local holder, role = holder_of(job.ref)
  if holder ~= token then
    return { tick, (run[1] == token and run[2] == mark) and 'later' or 'lost' }
  end
  local begins = not (arg.intent and (doubt or arg.token <= barrier))
  local its_token, its_step = string.match(run[2] or '', '^(%d+)/(%d+)$')
  local last = its_token == token and tonumber(its_step) or -1
  if last > arg.step or (last == arg.step and begins) then return { tick, 'granted' } end

  local lane = lane_of(job.lane)
  local holds_permit = last == arg.step or not arg.answered
  local granted = begins
  if last < arg.step then
    write_fields(run_key, arg.fields)
    redis.call('HSET', run_key, 'step', mark)
    count_pace(lane, 0, arg.calls, 0, arg.took)
  end
  if not holds_permit then
    return_permits(lane, 1, now)
    if arg.report then believe(lane, arg.report) end
    -- Told at once: the probe's next call may have to wait for a permit, and would find the breaker open again.
    if role == 'probe' then
      close_breaker(lane)
      announce_lane(lane)
    end
    local high = priority_at_head(job, contact_keys(record_of(job))) == 2
    granted = begins and free_permits(lane, high) > 0
    if granted then take_permits(lane, 1) end
  end
  if granted then
    if arg.intent then
      redis.call('HSET', run_key, 'intent', arg.intent, 'intentBy', token)
      redis.call('HDEL', run_key, 'absent')
    end
    return finish({ tick, 'granted' })
  end
  if holds_permit then take_permits(lane, -1) end
  redis.call('ZREM', LEASES, job.ref)
  redis.call('HDEL', RUNNING, job.ref)
  if role == 'leader' then disband(job.ref, token) end
  redis.call('HDEL', run_key, 'alone')
  redis.call('HSET', run_key, 'settled', token)
  requeue(job, record_of(job), now)
  place_lane(lane)
  return finish({ tick, 'later' })
end)
