-- Stores jobs, in their order, each once.
-- arg: destination; elsewhere (number of a job, from 1 → its destination, if that is another); mode 'each' | 'whole' (all or none) | 'check' (nothing is written); maxBacklog; pending (by tenant, what is to be
--   stored before these); tenants: {tenant, how many of the jobs that follow are its own, …}; parts (number of a job → by how many it is followed that
--   it is spread over: with these it is one, and asks for the room of one); headStart {low, normal, high} in ms; reserve, spread; moves (bound).
-- ARGV[3…]: three per job: ticket; runAt (ms, '' = now); what is stored of it after its due time: 'j', fingerprint (8 bytes), count of
--   contact keys, the keys (11 bytes each), the body.
-- Returns {one letter per job, but for those that others are spread over: 'a' accepted, 'd' duplicate, 'c' conflict (this id with another body), 'p' (one
-- that it is spread over has an id that stands for another job), 'f' full (the tenant's backlog is at its bound); and of each 'p', in their order, which
-- that is, from 1}. Repeated after a lost answer it finds its own jobs and returns 'd'.
local codes, taken, new, refused

-- The jobs from argument `from` on are one tenant's: what each would come to.
local function judge(tenant, from, count)
  local ids, seen = {}, {}
  for i = 1, count do ids[i] = string.sub(ARGV[from + 3 * (i - 1)], 2) end
  local known = redis.call('HMGET', JOB .. tenant, unpack(ids))
  local open = (tonumber(redis.call('HGET', OPEN, tenant)) or 0) + (arg.pending[tenant] or 0)
  local stored = {}

  local function fingerprint_at(i)
    return string.sub(ARGV[from + 3 * (i - 1) + 2], 2, 9)
  end

  -- Whether the id stands for the same job already: nil if it stands for none.
  local function is_same(i)
    local there = seen[ids[i]] or (known[i] and fingerprint_of(known[i]))
    if not there then return nil end
    return there == fingerprint_at(i)
  end

  -- Which of those up to `last` that the one at `i` is spread over has an id that is taken.
  local function part_taken(i, last)
    for part = i + 1, last do
      if is_same(part) == false then return part - i end
    end
  end

  local i = 1
  while i <= count do
    local last, there, code = i + (arg.parts[from / 3 + i - 1] or 0), is_same(i), 'a'
    local part = there == nil and part_taken(i, last)
    if there ~= nil then
      code = there and 'd' or 'c'
    elseif part then
      code, taken[#taken + 1] = 'p', part
    elseif open >= arg.maxBacklog then
      code = 'f'
    else
      open = open + 1
      for number = i, last do
        -- What it is spread over may be there: a dead letter of an earlier one of the same id, which was forgotten since.
        if is_same(number) == nil then
          seen[ids[number]] = fingerprint_at(number)
          stored[#stored + 1] = from + 3 * (number - 1)
        end
      end
    end
    refused = refused or (code ~= 'a' and code ~= 'd')
    codes[#codes + 1] = code
    i = last + 1
  end
  if #stored > 0 then new[#new + 1] = { tenant = tenant, key = JOB .. tenant, jobs = stored } end
end

local at_once, entered

local function store(group, at, keys)
  local ticket, run_at, destination = ARGV[at], tonumber(ARGV[at + 1]) or 0, arg.elsewhere[at / 3] or arg.destination
  local job = {
    lane = destination .. '/' .. group.tenant, tenant = group.tenant, ticket = ticket, id = string.sub(ticket, 2),
    place = destination .. '/' .. ticket, fresh = true,
  }
  entered[job.lane] = true
  gather('HSET', group.key, job.id, (run_at > now and pack_time(run_at) or at_once) .. ARGV[at + 2])
  enter(job, keys, run_at)
end

-- The contact keys of the group's jobs; the sequences that these name are read together.
local function read_keys(group)
  local keys, roots = {}, {}
  for i, at in ipairs(group.jobs) do
    local record = ARGV[at + 2]
    keys[i] = split_keys(string.sub(record, 11, 10 + 11 * string.byte(record, 10)))
    if keys[i][1] then roots[#roots + 1] = root_of(group.tenant, keys[i][1]) end
  end
  read_heads(group.tenant, roots)
  return keys
end

transition(function()
  codes, taken, new, refused = {}, {}, {}, false
  at_once, entered = pack_time(now), {}
  local from = 3
  for i = 1, #arg.tenants, 2 do
    judge(arg.tenants[i], from, arg.tenants[i + 1])
    from = from + 3 * arg.tenants[i + 1]
  end
  if arg.mode == 'check' or (arg.mode == 'whole' and refused) then return { table.concat(codes), taken } end

  for _, group in ipairs(new) do
    local keys = read_keys(group)
    for i, at in ipairs(group.jobs) do store(group, at, keys[i]) end
    redis.call('SADD', TENANTS, group.tenant)
    add(OPEN, group.tenant, #group.jobs)
    add(COUNTS, 'open', #group.jobs)
  end
  for lane in pairs(entered) do lane_of(lane) end
  for _, lane in pairs(lanes) do announce_lane(lane) end
  return finish({ table.concat(codes), taken })
end)
