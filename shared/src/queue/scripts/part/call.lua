-- The calls that a lane makes next: a job each, or a group of those that may become one.
local next_calls, take_neighbours
do
  local NONE = {}

  -- What earlier deliveries have left of these jobs: of most nothing.
  local function read_runs(lane, due)
    local keys, with_key = {}, {}
    for _, found in ipairs(due) do
      if found.key then
        keys[#keys + 1] = RUN .. lane.tenant .. '/' .. string.sub(found.ticket, 2)
        with_key[#keys] = found
      end
    end
    if #keys == 0 or redis.call('EXISTS', unpack(keys)) == 0 then return end
    for i, key in ipairs(keys) do with_key[i].run = redis.call('HGETALL', key) end
  end

  -- What is stored of due jobs. Nobody has ever had what comes out of the line: it has no run.
  local function read_due(lane, due)
    local ids, refs = {}, lane.refs
    for i, found in ipairs(due) do ids[i] = string.sub(found.ticket, 2) end
    local records = redis.call('HMGET', JOB .. lane.tenant, unpack(ids))
    for i, found in ipairs(due) do
      found.ref, found.record, found.run, found.riders = refs .. found.ticket, records[i] or '', NONE, NONE
    end
    read_runs(lane, due)
  end

  local function add_rider(call, rider)
    if call.riders == NONE then call.riders = {} end
    call.riders[#call.riders + 1] = rider
  end

  -- Only what nobody has had yet becomes part of a group; where a breaker is open each call is a probe.
  local function group_key(lane, record, run)
    if arg.coalesce <= 1 or lane.stored.open or #run > 0 then return '' end
    return merge_key(record)
  end

  -- With which others the job may become one call for many contacts: those that get the same tags.
  local function bulk_key(lane, due)
    local key = group_key(lane, due.record, due.run)
    due.merge = key
    if key == '' then return nil end
    local kind = string.sub(key, 1, 1)
    if kind == 'T' then due.contact = remembered(lane.tenant, due.record) end
    return (kind == 't' or due.contact) and string.sub(key, 2) or nil
  end

  -- The next calls of the lane, up to `count` and of up to `most` jobs in all, each with those that ride along. It looks further only while all that
  -- it finds goes along. Returns them, and how many jobs they are.
  function next_calls(lane, count, most, only_high)
    local calls, open, look, further, taken = {}, {}, count, 8, 0
    repeat
      local due, left = pop_due(lane, look, only_high), {}
      if #due > 0 then read_due(lane, due) end
      for _, found in ipairs(due) do
        local key = bulk_key(lane, found)
        local leader = key and open[key]
        if leader then
          add_rider(leader, found)
          if #leader.riders + 1 >= arg.coalesce then open[key] = nil end
        elseif #calls < count then
          calls[#calls + 1] = found
          if key then open[key] = found end
        else
          left[#left + 1] = found
        end
      end
      put_back(lane, left)
      taken = taken + #due - #left
      local all_went = #due == look and #left == 0
      look = math.min(#calls < count and count - #calls or further, most - taken)
      further = 2 * further
    until not all_went or look <= 0 or not next(open)
    return calls, taken
  end

  -- Up to `most` of those that stand behind the job in its contact's sequence, and may become one call with it, ride along.
  function take_neighbours(lane, call, most)
    local key, tenant = call.merge, lane.tenant
    if key == '' or #call.riders > 0 or most <= 0 or count_blocked(0) <= 0 then return end
    local root = root_of(tenant, contact_keys(call.record)[1])
    local blocked = BLOCKED .. tenant .. '/' .. root
    local behind = redis.call('ZRANGE', blocked, 0, math.min(arg.coalesce - 1, most) - 1, 'WITHSCORES')
    local kind = string.lower(string.sub(key, 1, 1))
    for i = 1, #behind, 2 do
      local its_lane, ticket = split_place(tenant, behind[i])
      local job = job_of(its_lane, ticket)
      local record = record_of(job)
      local run = redis.call('EXISTS', RUN .. key_of(job)) == 1 and { 1 } or {}
      if its_lane ~= lane.name or string.lower(string.sub(group_key(lane, record, run), 1, 1)) ~= kind then return end
      redis.call('ZREM', blocked, behind[i])
      count_priority(tenant, root, priority_of(ticket), -1)
      count_blocked(-1)
      add_rider(call, { ref = job.ref, record = record, order = tonumber(behind[i + 1]) })
    end
  end
end
