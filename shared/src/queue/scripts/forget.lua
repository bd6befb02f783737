-- Forgets what ended longer ago than it is kept. Dead letters are never touched.
-- arg: retention (ms); limit.   Returns how many were forgotten.
transition(function()
  local forgotten = 0
  for _, entry in ipairs(redis.call('LRANGE', ENDED, 0, arg.limit - 1)) do
    local ended, tenant, id = string.match(entry, '^(%d+)/([^/]+)/(.+)$')
    if tonumber(ended) + arg.retention > now then break end
    forgotten = forgotten + 1
    local record = redis.call('HGET', JOB .. tenant, id)
    if kind_of(record) == 'd' then
      redis.call('HDEL', JOB .. tenant, id)
      local effect = effect_of(record)
      if effect then redis.call('HDEL', EFFECTS .. tenant, effect) end
    end
  end
  if forgotten > 0 then redis.call('LTRIM', ENDED, forgotten, -1) end
  return forgotten
end)
