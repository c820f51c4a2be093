-- Objects printed at a prompt are readable and show no secret.

local api = require "spec.support.api"
local mic = require "mic"

describe("mic.pretty", function()
  it("writes values as a program would", function()
    for text, value in pairs { -- the order of names of two types is looked at below
      ["1"] = 1, ["2.5"] = 2.5, ["-9007199254740992"] = -2 ^ 53, ["true"] = true, ["{}"] = {},
      ["null"] = mic.null, ['"text"'] = "text", ["{ 1, 2, 3 }"] = { 1, 2, 3 },
      ['{ "a", name = "b", [5] = 2 }'] = { "a", name = "b", [5] = 2 },
      ['{ ["end"] = 1, ["a b"] = { c = { true, false } } }'] =
        { ["end"] = 1, ["a b"] = { c = { true, false } } },
      ["{ [1.5] = 1, [true] = 2 }"] = { [1.5] = 1, [true] = 2 },
    } do
      assert.equal(#text, #mic.pretty(value), mic.pretty(value))
    end
    assert.equal("nil", mic.pretty(nil))
    assert.equal("nil", mic.pretty())
    assert.is_truthy(mic.pretty(print):find "^function")
    assert.equal('{ [true] = 2, [1.5] = 1, a = 0, b = 0 }',
      mic.pretty { [1.5] = 1, [true] = 2, b = 0, a = 0 })
  end)

  it("breaks what is long, sorted by name", function()
    assert.equal([[
{
  a = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
  b = { 1, 2 },
  c = {
    "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
    "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"
  }
}]], mic.pretty { c = { ("y"):rep(40), ("y"):rep(40) }, b = { 1, 2 }, a = ("x"):rep(40) })
  end)

  it("shows what a terminal would obey, or take for something else, as numbers", function()
    assert.equal([["a\nb\t\"\\\027[31m\000\127"]], mic.pretty "a\nb\t\"\\\27[31m\0\127")
    assert.equal([["\194\133\226\128\174\226\129\166"]],
      mic.pretty "\194\133\226\128\174\226\129\166")
    assert.equal('"caf\\233"', mic.pretty "caf\233")
    assert.equal('"caf\195\169"', mic.pretty "caf\195\169")
    assert.equal([[{ ["\027"] = 1 }]], mic.pretty { ["\27"] = 1 })
  end)

  it("ends in a table that holds itself, and in one that is very deep", function()
    local value = { 1 }
    value.again = value
    assert.equal("{ 1, again = (a table that contains this) }", mic.pretty(value))
    local deep = {}
    for _ = 1, 1000 do
      deep = { deep }
    end
    assert.is_truthy(mic.pretty(deep):find("{ … }", 1, true))
    local shared = { 1 }
    assert.equal("{ { 1 }, { 1 } }", mic.pretty { shared, shared })
  end)

  it("calls no metamethod of a value but its tostring", function()
    local meta = { __index = function() error "read" end, __pairs = function() error "listed" end }
    assert.equal("{ a = 1 }", mic.pretty(setmetatable({ a = 1 }, meta)))
    meta.__tostring = function() return "mine" end
    assert.equal("{ mine }", mic.pretty { setmetatable({ a = 1 }, meta) })
  end)
end)

describe("what a client returns", function()
  local box = api.around()

  it("is readable at a prompt: status, session, response, error", function()
    local client = box:client()
    local session = client:login(box.username, box.password)
    assert.equal(mic.pretty(session), tostring(session))
    assert.is_truthy(tostring(session):find 'userName = "demo"')
    local held = client:status() -- its times may be those of the next second in another one
    local status = tostring(held)
    assert.equal(mic.pretty(held), status)
    assert.is_truthy(status:find("logged_in = true", 1, true), status)
    assert.is_truthy(status:find("counters = { adoptions = 0, calls = 0,", 1, true), status)
    local response = client:get "/user"
    local shown = mic.pretty(response)
    assert.is_truthy(shown:find('email = "demo@example.com"', 1, true), shown)
    assert.is_truthy(shown:find("status = 200", 1, true), shown)
    assert.is_nil(shown:find("body =", 1, true), shown)
    assert.is_nil(shown:find("_", 1, true), shown)
    assert.is_truthy(mic.pretty(response.data):find('email = "demo@example.com"', 1, true))
    local _, err = client:get "/users/nobody"
    assert.equal(tostring(err), mic.pretty(err))
    assert.equal("{ " .. tostring(client) .. " }", mic.pretty { client })
    assert.equal(response.status, 200) -- looking has changed nothing
    assert.equal("demo", response.data.userName)
  end)

  it("hides a secret that is a number, and knows those of open clients alone", function()
    box:client():close()
    local open = box:client { username = "u", password = "12345678" }
    assert.equal('{ 1, 12, ***, "text" }', mic.pretty { 1, 12, 12345678, "text" })
    open:close()
    assert.equal('{ 12345678, "text" }', mic.pretty { 12345678, "text" })
  end)

  it("shows no secret of any client, in whatever it stands", function()
    local first, second = box:logged_in { username = box.username, password = box.password },
      box:logged_in()
    local secrets = { box.password, box.api_key }
    for _, client in ipairs { first, second } do
      local credentials = client:credentials()
      secrets[#secrets + 1] = credentials.token
      secrets[#secrets + 1] = credentials.refreshToken
    end
    local value = { secrets, text = table.concat(secrets, ", "), [box.api_key] = 1 }
    value.inside = { { first:credentials(), second:auth_headers() } }
    local shown = mic.pretty(value)
    for _, secret in ipairs(secrets) do
      assert.is_nil(shown:find(secret, 1, true), shown)
    end
  end)
end)
