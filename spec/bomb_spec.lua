-- Decompression and JSON bombs: refused before they are decoded.

local api = require "spec.support.api"
local json = require "mic.json"
local loops = require "spec.support.loops"
local mic = require "mic"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local LIMIT = 2 * 1024 * 1024
local MOST = LIMIT / 16 -- values

--- A text with this many values: an array of empty ones.
local function tables(count)
  return "[" .. ("[],"):rep(count - 2) .. "[]]"
end

describe("a JSON bomb", function()
  local box = api.around()

  --- Peak of Lua memory during a function, in KB.
  local function cost_of(run)
    collectgarbage()
    collectgarbage "stop"
    local before = collectgarbage "count"
    local results = { run() }
    local cost = collectgarbage "count" - before
    collectgarbage "restart"
    return cost, results[1], results[2]
  end

  local function packed(text)
    local folder = scratch.folder(true)
    local path = folder:write("text", text)
    local zip = shell.check("gzip -9 <" .. shell.quote(path) .. " | base64 -w 0")
    return { path = "/user", body_base64 = zip,
      headers = { ["Content-Encoding"] = "gzip", ["Content-Type"] = "application/json" } }
  end

  local message = "too_large: the response has more JSON values than allowed"

  it("is an error of kind too_large, and takes no more memory than its text", function()
    local bomb = packed(tables(600000)) -- 1.8 MB, some kilobytes on the wire
    local small = { max_response_size = LIMIT }
    local listened = { max_response_size = LIMIT, on_event = function() end }
    for _, options in ipairs { small, listened } do
      local client = box:client(options)
      box:answer(bomb)
      local cost, response, err = cost_of(function()
        return client:get("/user", { auth = false })
      end)
      assert.is_nil(response)
      assert.equal(message, api.line(err))
      assert.equal("too_large 200" .. message:match ":.*" .. " (GET /user) - request less, "
        .. "or raise max_response_size (one value per 16 bytes)",
        tostring(err):gsub(", request [%w-]+", ""))
      assert.equal(1799998, #err.response.body)
      assert.is_nil(err.response.data)
      assert.is_true(cost < 8000, cost) -- kilobytes; decoded they are 40,000 and more
      box:answer(bomb)
      local batch = client:batch { { path = "/user", auth = false } }
      assert.equal("too_large", batch[1].err.kind)
      client:close()
    end
  end)

  it("is an error of kind too_large in event loops, too", function()
    for _, loop in ipairs(loops.all) do
      box:answer(packed(tables(600000)))
      local err
      loop.run(function()
        local client = box:client { max_response_size = LIMIT, transport = loop.transport }
        err = select(2, client:get("/user", { auth = false }))
      end)
      assert.equal(message, api.line(err), loop.name)
    end
  end)

  it("is read up to the limit, which grows with max_response_size", function()
    local client = box:client { max_response_size = LIMIT }
    box:answer(packed(tables(MOST)))
    assert.equal(MOST - 1, #mic.assert(client:get("/user", { auth = false })).data)
    box:answer(packed(tables(MOST + 1)))
    assert.equal(message, api.line(select(2, client:get("/user", { auth = false }))))
    client:close()
    client = box:client { max_response_size = 2 * LIMIT }
    box:answer(packed(tables(MOST + 1)))
    assert.equal(MOST, #mic.assert(client:get("/user", { auth = false })).data)
    client:close()
  end)

  it("is told from strings with commas and brackets", function()
    local client = box:client { max_response_size = LIMIT }
    local text = (",[{"):rep(200000)
    box:answer(packed('{"text":"' .. text .. '"}'))
    assert.is_true(text == mic.assert(client:get("/user", { auth = false })).data.text)
    client:close()
  end)

  it("may have any number of values where it is small", function()
    local client = box:client { max_response_size = 100000 }
    box:answer(packed(tables(33000)))
    assert.equal(32999, #mic.assert(client:get("/user", { auth = false })).data)
    client:close()
  end)

  it("is an error answer: its status counts, its text stays text", function()
    local client = box:client { max_response_size = LIMIT }
    local bomb = packed(tables(600000))
    bomb.status = 500
    box:answer(bomb)
    local _, err = client:get("/user", { auth = false })
    assert.same({ "http", 500, 1799998 }, { err.kind, err.status, #err.response.body })
    assert.is_nil(err.response.data)
    client:close()
  end)

  it("is nested too deeply", function()
    local client = box:client()
    for _, depth in ipairs { 129, 100000 } do
      box:answer(packed(("["):rep(depth) .. ("]"):rep(depth)))
      local _, err = client:get("/user", { auth = false })
      assert.equal("too_large: the response has JSON nested deeper than 128 levels", api.line(err))
    end
    client:close()
  end)

  it("may be invalid JSON, which is reported as such", function()
    local client = box:client { max_response_size = LIMIT }
    for _, start in ipairs { "[01,", "[\1,", "[[[", "[nul," } do
      local text = start .. tables(600000) .. "]"
      local cost, response, err = cost_of(function()
        box:answer(packed(text))
        return client:get("/user", { auth = false })
      end)
      assert.is_nil(response)
      assert.equal("too_large", err.kind)
      assert.is_true(cost < 20000, cost)
    end
    client:close()
  end)
end)

describe("json.decode", function()
  it("takes a number of values at most, where it is given one", function()
    assert.equal(3, #json.decode("[1,2,3]", 4))
    assert.is_nil((json.decode("[1,2,3,4,5,6,7]", 3)))
    assert.equal(7, #json.decode("[1,2,3,4,5,6,7]", 8))
    assert.equal(7, #json.decode "[1,2,3,4,5,6,7]")
    assert.equal(1, json.decode('\239\187\191[1,"",""       ]', 4)[1])
  end)
end)
