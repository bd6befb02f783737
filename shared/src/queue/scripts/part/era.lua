-- Whether this Redis still has what it has acknowledged. Each command of a worker counts one on (`tick`), is answered with that number, and
-- brings the last one that the worker was answered (arg.known), and what time it was then (arg.seen). A server that was started, or took over
-- from another, begins an era: it remembers the old one up to `last`, and counts on from `first`, far away. Who knows a number between the two
-- was told what is lost: Redis went back in time. Until every worker that lived at the end of what is remembered has come, and for a moment in any
-- case, nothing is given out; one that does not come within arg.silence, and some seconds, may have been told more, so that counts as gone back too.
-- Each brings, too, what time it is at the latest by its worker's own clock, which goes on as time does, and since when that has been compared with
-- Redis' (arg.latest, arg.since: ms, less what Redis' clock was set by; nil as long as it has been told no time), and how long its last command took
-- (arg.slow, ms). By that, and not by Redis' clock, permits come back. Where Redis' clock is far ahead of it, that was set, and nobody has told yet
-- (step.lua).
-- In config: `run` (the server's id), `tick`, `agreed` (what time it was at the least by Redis' clock and a worker's), `ahead` ('<first>/<last>': when
-- it was found far ahead, ms, less what it was set by, as long as nobody has told), `era` ('<last>/<first>/<end of what is remembered>/<begin>',
-- times in ms, and behind it '<last>/<first>' of those before it), `doubt` (until when), `travel` (of each time it went back, the last one first,
-- '<since>/<noticed>/<lost>/<until>', ms: what happened from `since` on may be forgotten, less what the clock was set by until then, of `lost` ms
-- in all; what was due `until` then may have been sent, which is later than `noticed` if the clock was set back, too), `filled` (when the last was
-- noticed, by the clock as it is set now), `barrier` (no token that was given before it last went back, forgotten or not, is greater; all that are
-- given since are).
local watch, notice_server
do
  -- A command may be under way for so long (ms) more than the last one, and its worker's time is that much too early.
  local LATE = 500
  -- More than the commands of any loss.
  local LEAP = 1000000000
  -- More than the tokens.
  local TOKENS = 1000000
  -- By a clock that was once further ahead (ms) what is due would be suspected for ever.
  local DAY = 86400000
  -- However short a lease is, it takes so long (ms) to find the way back to a server.
  local PATIENCE = 4000
  -- So long (ms) nobody is told anything, if all have come: one that was started since the end of what is remembered is on its way, too.
  local MOMENT = 500
  -- Of two losses that were noticed within this time (ms) nobody can tell which of them took what.
  local TOGETHER = 600000
  -- So many are kept apart.
  local KEPT = 8
  -- A server is one as long as it lives, and so is what is kept here.
  local server

  local function server_run()
    server = server or string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') or ''
    return server
  end

  local function read()
    local stored = redis.call('HMGET', CONFIG, 'run', 'tick', 'era', 'doubt', 'travel', 'pulse', 'shift', 'barrier', 'ahead', 'agreed')
    local last, first, ended, begun, before = string.match(stored[3] or '', '^(%d+)/(%d+)/(%d+)/(%d+)(.*)$')
    local gaps = { last and { tonumber(last), tonumber(first) } }
    for gap_last, gap_first in string.gmatch(before or '', '(%d+)/(%d+)') do gaps[#gaps + 1] = { tonumber(gap_last), tonumber(gap_first) } end
    return {
      run = stored[1], tick = tonumber(stored[2]) or 0, doubt = tonumber(stored[4]), travel = stored[5], pulse = tonumber(stored[6]),
      shift = tonumber(stored[7]) or 0, barrier = tonumber(stored[8]) or 0, ahead = stored[9], agreed = tonumber(stored[10]), gaps = gaps,
      ended = tonumber(ended), begun = tonumber(begun),
    }
  end

  -- Those that lived at the end: each says that it lives every half of arg.silence, or somewhat later.
  local function doubters(memory)
    if not memory.pulse then return {} end
    return redis.call('ZRANGEBYSCORE', WORKERS, whole(memory.pulse - arg.silence * 0.8), '+inf', 'LIMIT', 0, 1000)
  end

  local function write_era(memory)
    local told = {}
    for i, gap in ipairs(memory.gaps) do told[i] = whole(gap[1]) .. '/' .. whole(gap[2]) end
    told[1] = table.concat({ told[1], whole(memory.ended), whole(memory.begun) }, '/')
    return table.concat(told, ' ')
  end

  local function begin_era(memory)
    -- Two servers that remember the same do not count alike.
    local first = memory.tick + LEAP + now % LEAP
    table.insert(memory.gaps, 1, { memory.tick, first })
    memory.gaps[KEPT + 1] = nil
    memory.tick, memory.begun = first, now
    -- What was in doubt still is, and so are those that were waited for.
    if not memory.doubt then
      memory.ended = memory.pulse or now
      redis.call('DEL', DOUBTERS)
    end
    redis.call('HSET', CONFIG, 'run', server_run(), 'tick', whole(memory.tick), 'era', write_era(memory))
    local lived = doubters(memory)
    if #lived > 0 then redis.call('SADD', DOUBTERS, unpack(lived)) end
    memory.doubt = now + math.max(arg.silence, PATIENCE)
    redis.call('HSET', CONFIG, 'doubt', whole(memory.doubt))
  end

  -- Whether nobody is waited for who is remembered.
  local function have_come(memory)
    return memory.doubt and redis.call('EXISTS', DOUBTERS) == 0
  end

  -- Whether so long (ms) has passed since its era began. The clock may have been set since.
  local function has_passed(memory, span)
    return not memory.begun or math.abs(now - memory.begun) >= span
  end

  local function is_overdue(memory)
    return memory.doubt and has_passed(memory, memory.doubt - (memory.begun or 0))
  end

  -- Until when it is in doubt, as far as that is known.
  local function doubt_of(memory)
    if have_come(memory) and not has_passed(memory, MOMENT) then return memory.begun + MOMENT end
    return memory.doubt
  end

  local function end_doubt(memory)
    memory.doubt = nil
    redis.call('HDEL', CONFIG, 'doubt')
    redis.call('DEL', DOUBTERS)
    wake()
  end

  -- When what is remembered ends.
  local function end_of(memory)
    return memory.ended or memory.pulse or now
  end

  local function since(memory, before)
    local ended = end_of(memory) - memory.shift
    if before and now - before.noticed < TOGETHER then return math.min(before.since, ended) end
    return ended
  end

  -- The oldest of too many is one with the one after it.
  local function write_lapses(lapses)
    local oldest, next_oldest = lapses[KEPT + 1], lapses[KEPT]
    if oldest then
      lapses[KEPT + 1] = nil
      next_oldest.since, next_oldest.lost = math.min(oldest.since, next_oldest.since), oldest.lost + next_oldest.lost
      next_oldest.till = math.max(oldest.till, next_oldest.till)
    end
    local told = {}
    for i, lapse in ipairs(lapses) do told[i] = table.concat({ whole(lapse.since), whole(lapse.noticed), whole(lapse.lost), whole(lapse.till) }, '/') end
    return table.concat(told, ' ')
  end

  local function go_back(memory)
    local lapses = lapses_in(memory.travel)
    local ended = end_of(memory)
    local lost = math.max(0, (memory.begun or now) - ended)
    -- No two are noticed in one millisecond: by that they are told apart.
    local noticed = math.max(now, lapses[1] and lapses[1].noticed + 1 or 0)
    -- By how much the clock was set back, before or with it, at the least: a worker may have seen only the new one.
    local behind = ended > now and ended + arg.silence - noticed or 0
    local ahead = arg.seen > now and arg.seen + arg.silence - now or 0
    local back = math.min(DAY, math.max(ahead, behind))
    table.insert(lapses, 1, { since = since(memory, lapses[1]), noticed = noticed, lost = lost, till = noticed + back })
    memory.travel = write_lapses(lapses)
    local fence = tonumber(redis.call('HGET', CONFIG, 'fence')) or 0
    -- Twice from one file: of the tokens that were given in between, not one in a millisecond, none is to be given again.
    memory.barrier = math.max(fence, noticed + back) + TOKENS + math.max(0, now - ended)
    redis.call('HSET', CONFIG, 'travel', memory.travel, 'filled', whole(now), 'barrier', whole(memory.barrier), 'fence', whole(memory.barrier))
    -- Whatever others know of the old era, it is noticed once.
    memory.tick = math.max(memory.tick, arg.known) + LEAP
    redis.call('HSET', CONFIG, 'tick', whole(memory.tick))
    redis.call('HDEL', CONFIG, 'era')
    end_doubt(memory)
  end

  -- Another worker has seen a clock that was further ahead: by that more was due.
  local function reach_further(memory)
    local lapses, till = lapses_in(memory.travel), arg.seen + arg.silence
    if not lapses[1] or till <= lapses[1].till or till > now + DAY or now - lapses[1].noticed > TOGETHER then return end
    lapses[1].till = till
    redis.call('HSET', CONFIG, 'travel', write_lapses(lapses))
  end

  local function is_lost(memory, known)
    for _, gap in ipairs(memory.gaps) do
      if known > gap[1] and known < gap[2] then return true end
    end
    return known > memory.tick
  end

  -- Whether it is another server than before: then it is not forgotten who lived. Returns what is remembered.
  function notice_server()
    local memory = read()
    if memory.run ~= server_run() then
      if memory.run then begin_era(memory) else redis.call('HSET', CONFIG, 'run', server_run()) end
    end
    return memory
  end

  -- Whether Redis' clock is far ahead of the worker's, and what time it is at the least by both: no earlier than it was, but if Redis' was set back.
  -- Who has watched that only since somebody found it ahead does not know better, until it is told, or nobody finds it any more.
  local function compare_clocks(memory)
    local steady = now - memory.shift
    local before = memory.agreed and memory.agreed <= now and memory.agreed or 0
    local latest = (arg.latest or steady) + memory.shift
    local first, last = string.match(memory.ahead or '', '^(%d+)/(%d+)$')
    if now > latest + LATE + (arg.slow or 0) then
      redis.call('HSET', CONFIG, 'ahead', (first or whole(steady)) .. '/' .. whole(steady))
      return true, math.max(before, latest)
    end
    if first then
      local knows = arg.since and arg.since < tonumber(first)
      local passed = steady - tonumber(last)
      if not knows and passed >= 0 and passed < arg.silence then return true, before end
      redis.call('HDEL', CONFIG, 'ahead')
    end
    return false, math.max(before, math.min(now, latest))
  end

  -- A command of a worker comes: named where it tells that the worker lives. Returns its number, until when it is not known whether anything was
  -- forgotten (or nil), the greatest token that may have been given before it was last noticed that something was (0: never), and whether Redis'
  -- clock is far ahead of the worker's.
  function watch(worker)
    local memory = notice_server()
    if memory.doubt and worker then redis.call('SREM', DOUBTERS, worker) end
    local all_came = have_come(memory)
    if is_lost(memory, arg.known) or (is_overdue(memory) and not all_came) then
      go_back(memory)
    elseif all_came and has_passed(memory, MOMENT) then
      end_doubt(memory)
    end
    if arg.seen > now and memory.travel then reach_further(memory) end
    local tick, is_ahead, agreed = memory.tick + 1, compare_clocks(memory)
    redis.call('HSET', CONFIG, 'tick', whole(tick), 'agreed', whole(agreed))
    return tick, doubt_of(memory), memory.barrier, is_ahead
  end
end
