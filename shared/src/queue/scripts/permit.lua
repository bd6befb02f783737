-- Takes a permit for a call that is no job's. It comes back by itself, as if the call had been counted as late as it can be: who takes it may die.
-- arg: lane; late (ms, how long from now the call may still arrive); reserve, spread.
-- Returns 0: it may be made; else in how many ms to ask again.
transition(function()
  local lane = lane_of(arg.lane)
  -- No worker has ever said what the quota is: nobody is calling.
  if lane[1].calls == 0 then return 0 end
  if free_permits(lane, true) < 1 then
    local at = math.min(frees_at(lane, true), now + lane[1].span)
    return finish(math.max(1, at - now))
  end
  take_permits(lane, 1)
  return_permits(lane, 1, now + arg.late)
  return finish(0)
end)
