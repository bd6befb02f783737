-- What follows in a sequence when a job has ended: `leave` for each of them, and `follow` once for all.
local leave, follow
do
  -- Those that follow jobs that have ended, by tenant: they go into their lanes together (`follow`).
  local followers
  resets[#resets + 1] = function() followers = {} end

  -- The head of the sequence has ended: the next is its head.
  local function promote_next(tenant, root)
    local popped = count_blocked(0) > 0 and redis.call('ZPOPMIN', BLOCKED .. tenant .. '/' .. root) or {}
    if not popped[1] then return store_heads(tenant, root, false) end
    local lane, ticket = split_place(tenant, popped[1])
    count_priority(tenant, root, priority_of(ticket), -1)
    count_blocked(-1)
    store_heads(tenant, root, popped[2] .. '/' .. popped[1])
    local of_tenant = followers[tenant] or {}
    followers[tenant] = of_tenant
    of_tenant[#of_tenant + 1] = { lane = lane, ticket = ticket, root = root }
  end

  -- The job at `place` has ended; the sequence is the one that `key` names.
  function leave(tenant, place, key)
    local root = root_of(tenant, key)
    local stored = stored_heads(tenant, root)
    if not stored then return end
    -- It is mostly the only head.
    if string.sub(stored, string.find(stored, '/', 1, true) + 1) == place then return promote_next(tenant, root) end
    local heads, rest = heads_of(tenant, root), {}
    for _, head in ipairs(heads) do
      if head.place ~= place then rest[#rest + 1] = head end
    end
    if #rest < #heads then set_heads(tenant, root, rest) end
  end

  -- The followers go into their lanes, which are looked at again.
  function follow()
    for tenant, of_tenant in pairs(followers) do
      local ids = {}
      for i, follower in ipairs(of_tenant) do ids[i] = string.sub(follower.ticket, 2) end
      local records = redis.call('HMGET', JOB .. tenant, unpack(ids))
      for i, follower in ipairs(of_tenant) do
        local effective = effective_priority(tenant, follower.root, priority_of(follower.ticket))
        put_due(follower.lane, follower.ticket, rank_of(due_of(records[i]), effective), effective)
        lane_of(follower.lane)
      end
    end
    followers = {}
  end
end
