-- A transition becomes a function of the library.
local function register(name, flags, body)
  redis.register_function({
    function_name = name,
    flags = flags,
    callback = function(keys, args)
      begin(keys, args)
      return body()
    end,
  })
end
