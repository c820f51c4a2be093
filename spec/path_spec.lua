local json = require "mic.json"
local path = require "mic.http.path"

local function message_of(fn, ...)
  local ok, message = pcall(fn, ...)
  assert.is_false(ok)
  return (message:gsub("^[^:]+:%d+: ", ""))
end

describe("path.fill", function()
  it("leaves a path without places as it is", function()
    assert.are.equal("/users?size=1&x=@:", path.fill "/users?size=1&x=@:")
    assert.are.equal("/users", path.fill("/users", {}))
  end)

  it("percent-encodes every byte that is not unreserved", function()
    assert.are.equal(
      "/users/a%2Fb%20c%25%3F%23%40%C3%A9%00/aZ09-._~",
      path.fill("/users/{one}/{two}", { one = "a/b c%?#@\195\169\0", two = "aZ09-._~" })
    )
  end)

  it("fills a place each time it occurs, and never twice over", function()
    assert.are.equal("/a/1/a/1", path.fill("/a/{x}/a/{x}", { x = "1" }))
    assert.are.equal("/a/%7Bx%7D", path.fill("/a/{x}", { x = "{x}" }))
  end)

  it("fills places in the query of a path", function()
    assert.are.equal("/things?thingName=a%26b", path.fill("/things?thingName={n}", { n = "a&b" }))
  end)

  it("writes a number without a fraction as a whole one", function()
    assert.are.equal("/things/191", path.fill("/things/{id}", { id = 191 }))
    assert.are.equal("/things/191", path.fill("/things/{id}", { id = 382 / 2 }))
    assert.are.equal("/things/1.5", path.fill("/things/{id}", { id = 1.5 }))
    assert.are.equal("/things/9007199254740992", path.fill("/things/{id}", { id = 2 ^ 53 }))
  end)

  it("raises for a param that is missing", function()
    assert.are.equal(
      "params.userName is missing: the path has {userName}",
      message_of(path.fill, "/users/{userName}", { username = "anna" })
    )
    assert.are.equal(
      "params.userName is missing: the path has {userName}",
      message_of(path.fill, "/users/{userName}")
    )
  end)

  it("raises for a param that is not in the path", function()
    assert.are.equal(
      "params.size is not in the path; for ?size=… use query",
      message_of(path.fill, "/users/{userName}", { userName = "anna", size = 5, zone = 1 })
    )
  end)

  it("raises for params that are empty or a dot segment, encoded or not", function()
    assert.are.equal("params.n is empty", message_of(path.fill, "/u/{n}", { n = "" }))
    for _, dots in ipairs { ".", "..", "%2e", "%2E%2e", ".%2E" } do
      assert.are.equal(
        'params.n must not be "." or ".."',
        message_of(path.fill, "/u/{n}", { n = dots })
      )
    end
    assert.are.equal("/u/...", path.fill("/u/{n}", { n = "..." }))
  end)

  it("raises for values that are no text", function()
    local cases = {
      { true, "params.n must be a string or a number (got boolean)" },
      { {}, "params.n must be a string or a number (got table)" },
      { json.null, "params.n must be a string or a number (got null)" },
      { 0 / 0, "params.n must be a finite number" },
      { math.huge, "params.n must be a finite number" },
    }
    for _, case in ipairs(cases) do
      assert.are.equal(case[2], message_of(path.fill, "/u/{n}", { n = case[1] }))
    end
    assert.are.equal(
      "params must be a table (got string)",
      message_of(path.fill, "/u/{n}", "anna")
    )
    assert.are.equal(
      "params must have names (got a key of type number)",
      message_of(path.fill, "/u/{n}", { "anna" })
    )
  end)

  it("raises for a brace without its partner", function()
    for _, template in ipairs { "/u/{n", "/u/n}", "/u/{a{n}}" } do
      assert.are.equal(
        "the path has an unbalanced brace; write a parameter as {name}, a brace as %7B or %7D",
        message_of(path.fill, template, template:find "{n}" and { n = "1" } or nil)
      )
    end
  end)

  it("raises what the core says of a path that cannot be one", function()
    for _, bad in ipairs { "users", "/u#x", "/u x", "/u\n", "/\195\169", "/a/../b", "/a/%2E%2e" } do
      local ok, message = pcall(path.fill, bad)
      assert.is_false(ok)
      assert.matches("path_spec%.lua:%d+: .", message)
    end
  end)
end)

describe("path.is_template", function()
  it("tells a path with places", function()
    assert.is_true(path.is_template "/users/{userName}")
    assert.is_false(path.is_template "/users/anna")
  end)
end)

describe("path.query", function()
  it("leaves the path alone when there is nothing to join", function()
    assert.are.equal("/u", path.query("/u"))
    assert.are.equal("/u", path.query("/u", {}))
    assert.are.equal("/u", path.query("/u", { tags = {} }))
  end)

  it("sorts by name, encodes both sides, repeats a list", function()
    assert.are.equal(
      "/u?a%20b=%7C%3B&flag=false&n=2.5&size=191&tag=x&tag=1&tag=true",
      path.query("/u", {
        tag = { "x", 1, true },
        size = 191,
        n = 2.5,
        flag = false,
        ["a b"] = "|;",
      })
    )
  end)

  it("joins to a query that the path has", function()
    assert.are.equal("/u?a=1&b=2", path.query("/u?a=1", { b = 2 }))
    assert.are.equal("/u?b=2", path.query("/u?", { b = 2 }))
    assert.are.equal("/u?a=1&b=2", path.query("/u?a=1&", { b = 2 }))
  end)

  it("sends an empty string as such", function()
    assert.are.equal("/u?a=", path.query("/u", { a = "" }))
  end)

  it("raises for what is no query value", function()
    local cases = {
      { print, "a string, a number, a boolean or a list of these (got function)" },
      { json.null, "a string, a number, a boolean or a list of these (got null)" },
      { { { 1 } }, "a list of strings, numbers or booleans (it contains a table)" },
      { 0 / 0, "a finite number" },
      { { 1, math.huge }, "a finite number" },
      { { x = 1 }, "a list, not a table with names" },
      { { 1, nil, 3 }, "a list without holes" },
    }
    for _, case in ipairs(cases) do
      assert.are.equal("query.a must be " .. case[2], message_of(path.query, "/u", { a = case[1] }))
    end
  end)

  it("raises for a query that is no table with names", function()
    assert.are.equal("query must be a table (got string)", message_of(path.query, "/u", "a=1"))
    assert.are.equal(
      "query must have names (got a key of type number)",
      message_of(path.query, "/u", { "a" })
    )
    assert.are.equal(
      "query must have names (got an empty one)",
      message_of(path.query, "/u", { [""] = 1 })
    )
  end)
end)
