--- Non-blocking calls of the core: several at once, one of them cancelled, one dropped.
return {
  prepare = function(world)
    return require("mic.core").client {
      base_url = world.base_url, api_key = "key-secret", profile = require "mic.profile.mic",
    }
  end,
  run = function(_, client)
    local ping = { auth = false }
    local kept = client:start("call", "GET", "/ping", nil, true, nil, ping)
    client:start("call", "GET", "/large", nil, false, nil, { auth = false, stream = true })
    client:start("login", "anna", "word-secret"):cancel()
    local login = client:start("login", "anna", "word-secret", 5)
    local ended = 0
    while ended < 3 do
      local list = client:collect(1)
      if #list == 0 then
        break
      end
      ended = ended + #list
    end
    for _, exchange in ipairs { login, kept } do
      while exchange:run(1) == "wait" do
        ended = ended + 1
      end
    end
    local reply, record, _, message = login:result()
    if not reply or not record then
      return nil, { kind = record, message = message or reply and reply.problem }
    end
    if not client:adopt(record) or not client:holds(record) then
      return nil, { kind = "adopt" }
    end
    local status, kind, _, problem = kept:result()
    return status, { kind = kind, message = problem }
  end,
  expect = function(_, status)
    return status == 200
  end,
  after = function(_, client)
    local status = client:call("GET", "/ping", nil, true, nil, { auth = false })
    client:close()
    return status == 200
  end,
}
