-- Lets one program renew grants, for a while; who does so already goes on.
-- arg: access (the key of who renews grants); holder (the program); term (ms).
-- Returns its fencing token, or 0: another one does.
transition(function()
  local stored = redis.call('HMGET', arg.access, 'holder', 'until', 'fence')
  local ends, fence = tonumber(stored[2]) or 0, tonumber(stored[3]) or 0
  local is_held = ends > now
  -- No term ends so late: the clock was set back.
  if ends > now + arg.term then is_held = false end
  if is_held and stored[1] ~= arg.holder then return 0 end
  if not is_held or stored[1] ~= arg.holder then fence = fence + 1 end
  redis.call('HSET', arg.access, 'holder', arg.holder, 'until', whole(now + arg.term), 'fence', whole(fence))
  return fence
end)
