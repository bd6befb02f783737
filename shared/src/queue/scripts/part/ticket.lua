-- Names. A ticket is `<priority><id>` (priority 0 low, 1 normal, 2 high), unique within its lane. A lane is `<destination>/<tenant>`,
-- a place in a sequence `<destination>/<ticket>`, a reference `<destination>/<tenant>/<ticket>`. Tenants and destinations hold no '/'.
local parsed_lanes
resets[#resets + 1] = function() parsed_lanes = {} end

local function parse_lane(lane)
  local parsed = parsed_lanes[lane]
  if not parsed then
    parsed = { string.match(lane, '^([^/]+)/([^/]+)$') }
    parsed_lanes[lane] = parsed
  end
  return parsed[1], parsed[2]
end

local function job_of(lane, ticket)
  local destination, tenant = parse_lane(lane)
  return {
    lane = lane, tenant = tenant, ticket = ticket, id = string.sub(ticket, 2),
    ref = lane .. '/' .. ticket, place = destination .. '/' .. ticket,
  }
end

local function parse_ref(ref)
  local lane, ticket = string.match(ref, '^([^/]+/[^/]+)/(.+)$')
  return job_of(lane, ticket)
end

-- As runs, histories and dead letters are named.
local function key_of(job)
  return job.tenant .. '/' .. job.id
end

local function priority_of(ticket)
  return string.byte(ticket) - 48
end

-- A stored job: 6 bytes due (ms), 1 byte kind ('j'), 8 bytes fingerprint, 1 byte count of contact keys, 11 bytes each, 1 byte length of the
-- merge key, the merge key, the body.
-- What ended: 6 bytes end (ms), 'd', 8 bytes fingerprint, 6 bytes fencing token, the outcome as JSON.
local HEAD = 16

local function pack_time(ms)
  return struct.pack('>I6', ms)
end

local function kind_of(record)
  return string.sub(record or '', 7, 7)
end

-- Of a record that is gone or garbled the fingerprint is filled up: what follows it has fixed places.
local function fingerprint_of(record)
  return string.sub(string.sub(record or '', 8, 15) .. string.rep('\0', 8), 1, 8)
end

local function pack_done(fingerprint, token, outcome)
  return pack_time(now) .. 'd' .. fingerprint .. struct.pack('>I6', token) .. outcome
end

local function is_job(record)
  return record and #record >= HEAD and kind_of(record) == 'j' and #record >= HEAD + 11 * string.byte(record, HEAD)
end

local function due_of(record)
  return is_job(record) and struct.unpack('>I6', string.sub(record, 1, 6)) or now
end

local function split_keys(packed)
  local keys = {}
  for from = 1, #packed, 11 do keys[#keys + 1] = string.sub(packed, from, from + 10) end
  return keys
end

local function contact_keys(record)
  if not is_job(record) then return {} end
  return split_keys(string.sub(record, HEAD + 1, HEAD + 11 * string.byte(record, HEAD)))
end

-- With which others a job may become one call: 't' or 'T' and a hash of its tags, whose contact is given by the API's id or by another name;
-- 'u' for what updates a contact; or nothing.
local function merge_key(record)
  if not is_job(record) then return '' end
  local at = HEAD + 11 * string.byte(record, HEAD) + 1
  return string.sub(record, at + 1, at + (string.byte(record, at) or 0))
end

local function record_of(job)
  return redis.call('HGET', JOB .. job.tenant, job.id)
end

-- Who has a job that is running: `<token>/<worker>/<role>`. Its role is 'probe' if it is the one that an open breaker let through, 'leader'
-- or 'rider' in a group, else nothing. Returns token and role.
local function parse_holder(holder)
  return string.match(holder or '', '^(%d+)/[^/]*/(.*)$')
end

local function holder_of(ref)
  return parse_holder(redis.call('HGET', RUNNING, ref))
end

-- Writes into a job's journal; an empty value takes the field out.
local function write_fields(run_key, fields)
  for name, value in pairs(fields or {}) do
    if value == '' then redis.call('HDEL', run_key, name) else redis.call('HSET', run_key, name, value) end
  end
end
