-- Lets jobs of a lane go on now that wait until their tenant may write.
-- arg: lane; from ('0' at first, then what the call before returned), about (how many are looked at, or somewhat more); reserve, spread.
-- Returns where to go on; '0': those were all. What waits all the while is looked at, whatever comes and goes meanwhile.
transition(function()
  local lane, waiting = lane_of(arg.lane), WAIT .. arg.lane
  local scanned = redis.call('ZSCAN', waiting, arg.from, 'COUNT', arg.about)
  local onward, found = scanned[1], scanned[2]
  for i = 1, #found, 2 do
    local ticket, due = found[i], tonumber(found[i + 1])
    if due > now and redis.call('HEXISTS', RUN .. key_of(job_of(arg.lane, ticket)), 'readOnly') == 1 then
      redis.call('ZADD', waiting, whole(now), ticket)
    end
  end
  if onward == '0' then redis.call('HDEL', REFUSED, arg.lane .. '/writes') end
  announce_lane(lane)
  return finish(onward)
end)
