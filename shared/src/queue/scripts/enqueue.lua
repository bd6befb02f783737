-- Stores jobs, in their order, each once.
-- arg: destination; elsewhere (number of a job, from 1 → its destination, if that is another); mode 'each' | 'whole' (all or none) | 'check' (nothing is written); maxBacklog; pending (by tenant, what is to be
--   stored before these); tenants: {tenant, how many of the jobs that follow are its own, …}; headStart {low, normal, high} in ms;
--   reserve, spread; moves (bound).
-- ARGV[3…]: three per job: ticket; runAt (ms, '' = now); what is stored of it after its due time: 'j', fingerprint (8 bytes), count of
--   contact keys, the keys (11 bytes each), the body.
-- Returns one letter per job: 'a' accepted, 'd' duplicate, 'c' conflict (this id with another body), 'f' full (the tenant's backlog is at
-- its bound). Repeated after a lost answer it finds its own jobs and returns 'd'.
local codes, new, refused

-- The jobs from argument `from` on are one tenant's: what each would come to.
local function judge(tenant, from, count)
  local ids, seen = {}, {}
  for i = 1, count do ids[i] = string.sub(ARGV[from + 3 * (i - 1)], 2) end
  local known = redis.call('HMGET', JOB .. tenant, unpack(ids))
  local open = (tonumber(redis.call('HGET', OPEN, tenant)) or 0) + (arg.pending[tenant] or 0)
  local stored = {}
  for i, id in ipairs(ids) do
    local record = ARGV[from + 3 * (i - 1) + 2]
    local fingerprint, code = string.sub(record, 2, 9), 'a'
    local there = seen[id] or (known[i] and fingerprint_of(known[i]))
    if there then
      code = there == fingerprint and 'd' or 'c'
    elseif open >= arg.maxBacklog then
      code = 'f'
    else
      open, seen[id] = open + 1, fingerprint
      stored[#stored + 1] = from + 3 * (i - 1)
    end
    refused = refused or code == 'c' or code == 'f'
    codes[#codes + 1] = code
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
  codes, new, refused = {}, {}, false
  at_once, entered = pack_time(now), {}
  local from = 3
  for i = 1, #arg.tenants, 2 do
    judge(arg.tenants[i], from, arg.tenants[i + 1])
    from = from + 3 * arg.tenants[i + 1]
  end
  if arg.mode == 'check' or (arg.mode == 'whole' and refused) then return table.concat(codes) end

  for _, group in ipairs(new) do
    local keys = read_keys(group)
    for i, at in ipairs(group.jobs) do store(group, at, keys[i]) end
    redis.call('SADD', TENANTS, group.tenant)
    add(OPEN, group.tenant, #group.jobs)
    add(COUNTS, 'open', #group.jobs)
  end
  for lane in pairs(entered) do lane_of(lane) end
  for _, lane in pairs(lanes) do announce_lane(lane) end
  return finish(table.concat(codes))
end)
