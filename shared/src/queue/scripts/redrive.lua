-- Dead letters go back to their lanes: 0 attempts, history and journal kept, at the end of their contacts' sequences. What was begun goes on, and where
-- a call may have had its effect its contact stays; what was learnt else is asked anew, for it may be long ago.
-- arg: headStart; reserve, spread; moves (bound); resend (true: a person has decided that an ambiguous one is sent again).
-- ARGV[3…]: five per job: tenant, id, the death that was looked at (see part/dead.lua), priority 0–2, delay (ms from now).
-- Returns per job 'ok', 'not-dead', 'unknown', 'changed' (it has died again since) or 'undecodable' (nothing there that could run).

-- What a late delivery has made was told, and somebody may have removed it: it is looked for, as what was sent when the job was due.
local function look_for_orphan(run_key)
  local run = redis.call('HMGET', run_key, 'orphan', 'intent', 'firstDue')
  redis.call('HDEL', run_key, 'orphan', 'orphanBy')
  if not outcome_of(run[1] or '').effect or run[2] then return end
  redis.call('HDEL', run_key, 'intentThere', 'intentEnds', 'intentTakes', 'intentBy')
  redis.call('HSET', run_key, 'intent', run[3], 'unanswered', whole(steady_now()))
end

transition(function()
  local codes = {}
  for i = 3, #ARGV, 5 do
    local dead, code = find_dead(ARGV[i], ARGV[i + 1], ARGV[i + 2])
    if dead and not is_job(dead.record) then dead, code = nil, 'undecodable' end
    if dead then
      code = 'ok'
      unlist_dead(dead)
      local run_key = RUN .. dead.key
      redis.call('HSETNX', run_key, 'firstDue', whole(due_of(dead.record)))
      redis.call('HDEL', run_key, 'cause', 'deadAt', 'lane', 'error', 'httpStatus', 'settled', 'attempts', 'lost', 'unanswered',
        'ending', 'lookup', 'forgotten', 'sweep', 'instead', 'seen', 'unread', 'page', 'looks')
      look_for_orphan(run_key)
      if redis.call('HEXISTS', run_key, 'intent') == 0 and not arg.resend then redis.call('HDEL', run_key, 'contact') end
      if arg.resend then
        redis.call('HDEL', run_key, 'intent', 'absent', 'notBefore', 'evidence')
        redis.call('HSET', run_key, 'sentAgain', 'resend')
        -- That Redis may have forgotten a call of it is decided with it.
        local noticed = last_noticed(redis.call('HGET', CONFIG, 'travel'))
        if noticed then redis.call('HSET', run_key, 'lapse', whole(noticed)) end
      end
      local job = job_of(dead.lane, ARGV[i + 3] .. dead.id)
      local due = now + tonumber(ARGV[i + 4])
      redis.call('HSET', JOB .. dead.tenant, dead.id, pack_time(due) .. string.sub(dead.record, 7))
      enter(job, contact_keys(dead.record), due)
      add(OPEN, dead.tenant, 1)
      add(COUNTS, 'open', 1)
      lane_of(job.lane)
    end
    codes[#codes + 1] = code
  end
  for _, lane in pairs(lanes) do announce_lane(lane) end
  return finish(codes)
end)
