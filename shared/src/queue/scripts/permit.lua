-- Takes a permit for a call that is no job's. It comes back by itself, as if the call had been counted as late as it can be: who takes it may die.
-- arg: lane; late (ms, how long from now the call may still arrive); reserve, spread; assumed {burst, daily}: the quotas that count as long as no
--   worker has said what they are. The permit is held all the same: a worker that starts finds it.
-- Returns 0: it may be made; else in how many ms to ask again.
transition(function()
  local lane = lane_of(arg.lane)
  if free_permits(lane, true) < 1 then
    local at = math.min(frees_at(lane, true), now + lane[1].span)
    return finish(math.max(1, at - now))
  end
  take_permits(lane, 1)
  return_permits(lane, 1, now + arg.late)
  return finish(0)
end)
