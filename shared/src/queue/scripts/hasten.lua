-- Has a grant renewed at once, if its tokens are still those that were refused: whoever comes late asks for nothing.
-- arg: grant (its name); stored, index (the keys of the grant, and of all grants); stamp (of its tokens).
-- Returns 1, or 0: it has others by now, or is not there.
transition(function()
  if redis.call('HGET', arg.stored, 'stamp') ~= arg.stamp then return 0 end
  redis.call('ZADD', arg.index, 'XX', 'LT', whole(now), arg.grant)
  return 1
end)
