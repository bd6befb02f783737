-- Deletes dead letters for good: their ids are free again.
-- ARGV[3…]: two per job: tenant, id.   Returns per job 'ok', 'not-dead' or 'unknown'.
transition(function()
  local codes = {}
  for i = 3, #ARGV, 2 do
    local dead, code = find_dead(ARGV[i], ARGV[i + 1])
    if dead then
      code = 'ok'
      unlist_dead(dead)
      redis.call('HDEL', JOB .. dead.tenant, dead.id)
      redis.call('DEL', RUN .. dead.key, HISTORY .. dead.key)
    end
    codes[#codes + 1] = code
  end
  return codes
end)
