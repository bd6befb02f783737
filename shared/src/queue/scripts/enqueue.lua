-- Stores jobs, in their order, each once.
-- arg: mode 'each' | 'whole' (all or none) | 'check' (nothing is written); maxBacklog; pending (by tenant, what is to be
--   stored before these); headStart {low, normal, high} in ms; reserve; moves (bound).
-- ARGV[3…]: eight per job: destination, tenant, id, priority 0–2, runAt (ms, 0 = now), fingerprint (16 bytes), contact keys (11 bytes each), body.
-- Returns one code per job: 'accepted', 'duplicate', 'conflict' (this id with another body) or 'full' (the tenant's backlog is at its bound).
-- Repeated after a lost answer it finds its own jobs and returns 'duplicate'.
local codes, new, seen, backlog = {}, {}, {}, {}
local refused = false
for i = 3, #ARGV, 8 do
  local tenant, id, fingerprint = ARGV[i + 1], ARGV[i + 2], ARGV[i + 5]
  local key = tenant .. '/' .. id
  local known = seen[key] or redis.call('HGET', JOB .. tenant, id)
  local code = 'accepted'
  if known then
    code = string.sub(known, 1, 16) == fingerprint and 'duplicate' or 'conflict'
  else
    backlog[tenant] = backlog[tenant] or (tonumber(redis.call('HGET', OPEN, tenant)) or 0) + (arg.pending[tenant] or 0)
    if backlog[tenant] >= arg.maxBacklog then
      code = 'full'
    else
      backlog[tenant] = backlog[tenant] + 1
      seen[key] = fingerprint
      new[#new + 1] = i
    end
  end
  refused = refused or code == 'conflict' or code == 'full'
  codes[#codes + 1] = code
end
if arg.mode == 'check' or (arg.mode == 'whole' and refused) then return codes end

local lanes, added = {}, {}
for _, i in ipairs(new) do
  local job = parse_ref(ARGV[i] .. '/' .. ARGV[i + 1] .. '/' .. ARGV[i + 3] .. ARGV[i + 2])
  local run_at = tonumber(ARGV[i + 4])
  local record = pack_job(ARGV[i + 5], math.max(now, run_at), ARGV[i + 6], ARGV[i + 7])
  redis.call('HSET', JOB .. job.tenant, job.id, record)
  enter(job, contact_keys(record), run_at)
  lanes[job.lane] = true
  added[job.tenant] = (added[job.tenant] or 0) + 1
end
for tenant, count in pairs(added) do
  redis.call('SADD', TENANTS, tenant)
  redis.call('HINCRBY', OPEN, tenant, count)
end
if #new > 0 then redis.call('HINCRBY', COUNTS, 'open', #new) end
for lane in pairs(lanes) do announce_lane(lane) end
return codes
