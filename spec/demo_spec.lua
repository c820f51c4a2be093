-- `make demo`: its output is correct and contains no secret.

local blocks = require "spec.support.blocks"
local scratch = require "spec.support.scratch"
local tree = require "spec.support.tree"

describe("the demo", function()
  local noted = scratch.file ""
  local script = blocks.run(
    { { path = "examples/demo.lua" } },
    'printf "%s\\n" "$MIC_PASSWORD" "$MIC_API_KEY" >' .. noted
  )[1]
  local secrets = tree.read(noted)
  local printed = script.printed
  local steps = {}
  for paragraph in printed:gsub("\n\n", "\0"):gmatch "[^%z]+" do
    local number, rest = paragraph:match "^(%d)  (.*)$"
    if number then
      steps[tonumber(number)] = rest
    end
  end

  --- The lines of a step, each of which must match the pattern of its place.
  local function check(step, ...)
    local patterns, lines = { ... }, {}
    for line in (steps[step] .. "\n"):gmatch "([^\n]*)\n" do
      lines[#lines + 1] = line
    end
    assert.equal(#patterns, #lines, steps[step])
    for index, pattern in ipairs(patterns) do
      assert.is_truthy(lines[index]:find("^" .. pattern .. "$"), lines[index])
    end
  end

  local THREE = "authorization: %*%*%*  identityId: %*%*%*  x%-api%-key: %*%*%*"
  local ms = "  %d+%.%d ms  HTTP/2, "

  it("succeeds, and prints nothing to standard error", function()
    assert.equal(0, script.code, printed)
    assert.equal(4, #steps, printed)
  end)

  it("says first where the sandbox is", function()
    local first = printed:match "^[^\n]*"
    assert.is_truthy(
      first:find "^local MIC at https://localhost:%d+/prod %(ends with this demo%)$", first)
  end)

  it("shows the login on a new connection, with the API key alone", function()
    check(1,
      "client:login%(%)",
      "   > POST /auth/login +x%-api%-key: %*%*%*",
      "   < 200" .. ms .. "new connection",
      "   token expires in 60 min, next refresh in about 4[5-9] min")
  end)

  it("shows the call with the three headers on the same connection, and the user", function()
    check(2,
      'client:get%("/users/{userName}"%)',
      "   > GET /users/demo +" .. THREE,
      "   < 200" .. ms .. "same connection",
      "     demo  Demo User  demo@example%.com")
  end)

  it("shows the expired token, the refresh without it, and the call again", function()
    check(3,
      "the sandbox lets the token expire; the same call again",
      "   > GET /users/demo +" .. THREE,
      "   < 401" .. ms .. "same connection: the token has expired",
      "   > POST /auth/refresh +x%-api%-key: %*%*%*  no authorization header",
      "   < 200" .. ms .. "same connection",
      "   > GET /users/demo +" .. THREE,
      "   < 200" .. ms .. "same connection",
      "     demo, after 2 requests for one call")
  end)

  it("shows the error for a wrong API key, with the hint", function()
    check(4,
      "a wrong API key",
      "   > POST /auth/login +x%-api%-key: %*%*%*",
      "   < 403" .. ms .. "new connection",
      "   http 403: Forbidden %(POST /auth/login, request [%x-]+%) %- check",
      '     api_key, and the stage %("/prod"%) at the end of base_url')
  end)

  it("closes with what was counted", function()
    assert.is_truthy(printed:find("\nwire: 2 logins (1 refused), 1 refresh, 3 calls, "
      .. "2 connections.\nSecrets in this text: 0 (checked: ", 1, true), printed)
  end)

  it("holds no password, no key, nothing like a token, and no identity", function()
    local checked = 0
    for secret in secrets:gmatch "[^\n]+" do
      checked = checked + 1
      assert.is_nil(printed:find(secret, 1, true))
    end
    assert.equal(2, checked)
    assert.is_nil(printed:find "eyJ")
    for word in printed:gmatch "[%w_+/=-]+" do
      assert.is_true(#word <= 36, word) -- a request id
    end
    assert.is_nil(printed:find "eu%-west%-1:")
  end)

  it("fits on 100 columns", function()
    for line in printed:gmatch "[^\n]+" do
      assert.is_true(#line <= 100, line)
    end
  end)

  it("is not run against a real account", function()
    local alone = blocks.run({ { path = "examples/demo.lua" } }, "unset MIC_SANDBOX_CONTROL")[1]
    assert.equal(1, alone.code)
    assert.equal("the demo needs the sandbox: make demo\n", alone.printed)
  end)
end)

describe("the demo's own search for secrets", function()
  it("finds one that is printed, and then ends with a failure", function()
    local code = tree.read "examples/demo.lua"
    local leaky, count = code:gsub('%("     " %.%. text%)', '(text .. client:credentials().token)')
    assert.equal(1, count)
    local script = blocks.run({ { text = leaky:gsub('%(arg%[0%].-"quickstart.lua"', function()
      return '"examples/quickstart.lua"'
    end) } })[1]
    assert.equal(1, script.code)
    assert.is_truthy(script.printed:find "Secrets in this text: 1 ")
  end)
end)
