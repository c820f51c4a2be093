-- Some servers put a byte order mark before their JSON.

local api = require "spec.support.api"
local mic = require "mic"

local MARK = "\239\187\191"

local sandbox = api.around()

local function answer(path, body, more)
  local scripted = { path = path, body = body, headers = { ["Content-Type"] = "application/json" } }
  for name, value in pairs(more or {}) do
    scripted[name] = value
  end
  sandbox:answer(scripted)
end

describe("a byte order mark before JSON", function()
  it("is skipped in answers, whose body keeps it", function()
    local client = sandbox:logged_in()
    for _, method in ipairs { "GET", "POST" } do
      answer("/user", MARK .. ' {"a":1}', { method = method })
      local response = mic.assert(client:request { method = method, path = "/user" })
      assert.same({ 1, MARK .. ' {"a":1}' }, { response.data.a, response.body })
    end
    answer("/user", MARK .. '{"messageKey":"A_KEY","message":"why"}', { status = 400 })
    local _, err = client:get "/user"
    assert.same({ "A_KEY", "why" }, { err.key, err.message })
    answer("/user", MARK .. '{"errorMessage":"no"}')
    _, err = client:get "/user"
    assert.same({ "http", 200, "no" }, { err.kind, err.status, err.message })
  end)

  it("is skipped in replies of login and refresh", function()
    local client = sandbox:logged_in()
    for _, path in ipairs { "login", "refresh" } do
      answer("/auth/" .. path, MARK .. '{"user":{"x":1},"credentials":{"token":"' .. path
        .. '-token","refreshToken":"a-refresh-token","identityId":"eu-west-1:id"}}',
        { method = "POST" })
      local session, err
      if path == "login" then
        session, err = client:login(sandbox.username, sandbox.password)
        assert.equal(1, session and session.user.x)
      else
        session, err = client:refresh()
      end
      mic.assert(session, err)
      assert.equal(path .. "-token", client:credentials().token)
    end
  end)

  it("does not keep secrets of a reply from being masked", function()
    local client = sandbox:client()
    answer("/auth/login", MARK .. '{"message":"' .. sandbox.password .. '"}',
      { status = 400, method = "POST" })
    local _, err = client:login(sandbox.username, sandbox.password)
    assert.is_nil(tostring(err):find(sandbox.password, 1, true))
    assert.equal(MARK .. '{"message":"' .. ("*"):rep(#sandbox.password) .. '"}', err.response.body)
  end)

  it("is skipped once, and counts in the position of a JSON error", function()
    local decode = mic.json.decode
    assert.same({ 1 }, decode(MARK .. "[1]"))
    assert.same({ nil, "not valid JSON at byte 5 of 6" }, { decode(MARK .. "[x]") })
    assert.same({ nil, "not valid JSON at byte 4 of 9" }, { decode(MARK .. MARK .. "[1]") })
    assert.same({ nil, "incomplete JSON (ends after 4 bytes)" }, { decode(MARK .. "[") })
    assert.same({ nil, "incomplete JSON (ends after 3 bytes)" }, { decode(MARK) })
    assert.same({ nil, "not valid JSON at byte 1 of 4" }, { decode("\239\187[]") })
  end)
end)
