-- Names. A ticket is `<priority><id>` (priority 0 low, 1 normal, 2 high), unique within its lane. A lane is `<destination>/<tenant>`,
-- a place in a sequence `<destination>/<ticket>`, a reference `<destination>/<tenant>/<ticket>`. Tenants and destinations hold no '/'.
local function parse_ref(ref)
  local destination, tenant, ticket = string.match(ref, '^([^/]+)/([^/]+)/(.+)$')
  local id = string.sub(ticket, 2)
  return {
    ref = ref, tenant = tenant, ticket = ticket, id = id, destination = destination,
    lane = destination .. '/' .. tenant, place = destination .. '/' .. ticket, key = tenant .. '/' .. id,
  }
end

local function parse_lane(lane)
  return string.match(lane, '^([^/]+)/([^/]+)$')
end

-- A stored job: 16 bytes fingerprint, 1 byte kind ('j'), 6 bytes due (ms), 1 byte count of contact keys, 11 bytes each, the body.
-- What ended: 16 bytes fingerprint, 'd', 6 bytes end (ms), 6 bytes fencing token, the outcome as JSON.
local function pack_job(fingerprint, due, keys, body)
  return fingerprint .. 'j' .. struct.pack('>I6', due) .. string.char(#keys / 11) .. keys .. body
end

-- Of a record that is gone or garbled the fingerprint is filled up: what follows it has fixed places.
local function pack_done(record, token, outcome)
  local fingerprint = string.sub((record or '') .. string.rep('\0', 16), 1, 16)
  return fingerprint .. 'd' .. struct.pack('>I6I6', now, token) .. outcome
end

local function is_job(record)
  return record and #record >= 24 and string.sub(record, 17, 17) == 'j'
    and #record >= 24 + 11 * string.byte(record, 24)
end

local function due_of(record)
  return is_job(record) and struct.unpack('>I6', string.sub(record, 18, 23)) or now
end

local function contact_keys(record)
  local keys = {}
  if is_job(record) then
    for i = 1, string.byte(record, 24) do
      keys[i] = string.sub(record, 25 + 11 * (i - 1), 24 + 11 * i)
    end
  end
  return keys
end

-- Writes into a job's journal; an empty value takes the field out.
local function write_fields(run_key, fields)
  for name, value in pairs(fields or {}) do
    if value == '' then redis.call('HDEL', run_key, name) else redis.call('HSET', run_key, name, value) end
  end
end
