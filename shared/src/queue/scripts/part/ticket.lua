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

-- What a job came to, from the JSON that is kept of it; of what is none, nothing.
local function outcome_of(json)
  local ok, outcome = pcall(cjson.decode, json)
  return ok and type(outcome) == 'table' and outcome or {}
end

-- By what effect a job is known that has ended (its id, or nil).
local function effect_of(record)
  local effect = outcome_of(string.sub(record or '', 22)).effect
  return type(effect) == 'string' and effect or nil
end

-- Whether another job is known by an effect (its id, or nil).
local function is_anothers(tenant, effect, id)
  local owner = effect and redis.call('HGET', EFFECTS .. tenant, effect)
  return owner and owner ~= id
end

local function pack_done(fingerprint, token, outcome)
  return pack_time(now) .. 'd' .. fingerprint .. struct.pack('>I6', token) .. outcome
end

-- Where the head of a job's record ends, behind its contact keys; nil if it is no such record. How many keys these are, is byte 16.
local function end_of_keys(record)
  if not record then return nil end
  local kind, _, _, _, _, _, _, _, _, keys = string.byte(record, 7, HEAD)
  if kind ~= 106 or not keys then return nil end
  local last = HEAD + 11 * keys
  return #record >= last and last or nil
end

local function is_job(record)
  return end_of_keys(record) ~= nil
end

local function due_of(record)
  return is_job(record) and struct.unpack('>I6', record) or now
end

local function split_keys(packed)
  local keys = {}
  for from = 1, #packed, 11 do keys[#keys + 1] = string.sub(packed, from, from + 10) end
  return keys
end

local function contact_keys(record)
  local last = end_of_keys(record)
  return last and split_keys(string.sub(record, HEAD + 1, last)) or {}
end

-- With which others a job may become one call: 't' or 'T' and a hash of its tags, whose contact is given by the API's id or by another name;
-- 'u' for what updates a contact; or nothing.
local function merge_key(record)
  local last = end_of_keys(record)
  local length = last and string.byte(record, last + 1) or 0
  return length > 0 and string.sub(record, last + 2, last + 1 + length) or ''
end

local function record_of(job)
  return redis.call('HGET', JOB .. job.tenant, job.id)
end

-- Who has a job that is running: `<token>/<worker>/<role>`. The token is that of the claim which gave it. The role is 'probe' if it is the
-- one that an open breaker let through, 'leader' or 'rider' in a group, else nothing. Returns token and role.
local parsed_holders
resets[#resets + 1] = function() parsed_holders = {} end

local function parse_holder(holder)
  if not holder then return nil end
  local parsed = parsed_holders[holder]
  if not parsed then
    parsed = { string.match(holder, '^(%d+)/[^/]*/(.*)$') }
    parsed_holders[holder] = parsed
  end
  return parsed[1], parsed[2]
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
