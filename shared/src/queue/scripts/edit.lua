-- Replaces a dead letter's payload; it stays dead until it is retried.
-- arg: tenant; id; deadAt (ms: the death that was looked at); once (true: its call must not be repeated unless it is known to have had no effect).
-- ARGV[3]: what is stored of it after its due time, as in enqueue.lua.
-- Returns 'ok', 'not-dead', 'unknown', 'changed' (it has died again since it was looked at) or 'undecided' (what was sent may have taken
-- effect: that is decided first).

-- Whether Redis may have forgotten a call of it (part/era.lua), and it was not read back for that.
local function may_be_forgotten(run_key, due)
  local run = redis.call('HMGET', run_key, 'firstDue', 'lapse')
  local first, read_back = math.min(tonumber(run[1]) or due, due), tonumber(run[2]) or 0
  for _, lapse in ipairs(lapses_in(redis.call('HGET', CONFIG, 'travel'))) do
    if lapse.till >= first and lapse.noticed > read_back then return true end
  end
  return false
end

-- What was sent may have taken effect: nobody knows of a call, or a late delivery has told of one. One that was refused is edited so that it is
-- refused no more: its call is still looked for, under what it says then.
local function is_undecided(run_key)
  local run = redis.call('HMGET', run_key, 'intent', 'cause', 'orphan')
  return (run[1] and run[2] ~= 'rejected') or run[2] == 'ambiguous' or (arg.once and outcome_of(run[3] or '').effect)
end

transition(function()
  local dead, code = find_dead(arg.tenant, arg.id, arg.deadAt)
  if not dead then return code end
  local run_key = RUN .. dead.key
  if is_undecided(run_key) then return 'undecided' end
  if arg.once and may_be_forgotten(run_key, due_of(dead.record)) then return 'undecided' end
  redis.call('HSETNX', run_key, 'firstDue', whole(due_of(dead.record)))
  redis.call('HSET', JOB .. arg.tenant, arg.id, pack_time(now) .. ARGV[3])
  -- What came of the other payload, how far it has come and what was learnt for it say nothing of this one.
  redis.call('HDEL', run_key, 'contact', 'lookup', 'forgotten', 'instead', 'seen', 'absent', 'unread', 'page', 'place', 'poll', 'parts', 'looks',
    'singly', 'orphan', 'orphanBy', 'late')
  return 'ok'
end)
