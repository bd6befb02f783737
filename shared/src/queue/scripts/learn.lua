-- The API has said whose references these are: they are remembered, and their sequences are one from now on.
-- arg: tenant; contact (its id); keys (list of contact keys, the id's own first); ttl (ms); headStart; reserve.
-- Returns 'ok'.
for i = 2, #arg.keys do
  redis.call('SET', CONTACT .. arg.tenant .. '/' .. arg.keys[i], arg.contact, 'PX', arg.ttl)
end
unite(arg.tenant, arg.keys)
return 'ok'
