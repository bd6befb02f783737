-- Drops what is known of one contact's references being one, where it is old and no job of it is open.
-- arg: tenant; cursor; limit; ttl (ms).   Returns the next cursor ('0' at the end).
transition(function()
  local page = redis.call('HSCAN', ALIAS .. arg.tenant, arg.cursor, 'COUNT', arg.limit)
  for i = 1, #page[2], 2 do
    local key, since = page[2][i], tonumber(string.match(page[2][i + 1], '^(%d+)/'))
    if since + arg.ttl <= now and redis.call('HEXISTS', SEQ .. arg.tenant, root_of(arg.tenant, key)) == 0 then
      redis.call('HDEL', ALIAS .. arg.tenant, key)
    end
  end
  return page[1]
end)
