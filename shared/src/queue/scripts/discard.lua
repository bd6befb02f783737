-- Deletes dead letters for good: their ids are free again.
-- ARGV[3…]: three per job: tenant, id, the death that was looked at (see part/dead.lua).   Returns per job 'ok', 'not-dead', 'unknown' or 'changed'.
transition(function()
  local codes = {}
  for i = 3, #ARGV, 3 do
    local dead, code = find_dead(ARGV[i], ARGV[i + 1], ARGV[i + 2])
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
