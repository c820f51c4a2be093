-- Loops over pages in nginx: they wait without blocking the worker, and read no file in a request.

local api = require "spec.support.api"
local nginx = require "spec.support.nginx"

local box = api.start()

local LOOPS = ([[
local mic = require "mic"
local client = mic.new {
  base_url = %q, api_key = %q, username = %q, password = %q, tls = { ca_file = %q },
  retry = { base = 0.001 },
}
local loops = {}

loops["for"] = function()
  local count = 0
  for _, hit in client.observations:each { page_size = 9 } do
    count = count + (hit._id and 1 or 0)
  end
  return count
end

function loops.next()
  local it, count = client.users:each { category = "all", page_size = 5 }, 0
  while true do
    local user, err = it:next()
    if not user then
      return err and tostring(err) or count
    end
    count = count + 1
  end
end

function loops.close()
  local it = client.observations:each { page_size = 9 }
  local thread = ngx.thread.spawn(function()
    return select(2, it:next())
  end)
  ngx.sleep(0.1)
  local _, problem = pcall(it.next, it)
  it:close()
  local _, err = ngx.thread.wait(thread)
  return err.kind .. (problem:match "one task at a time" or problem)
end

function loops.kill()
  local it = client.observations:each { page_size = 9 }
  local thread = ngx.thread.spawn(function()
    it:next()
  end)
  ngx.sleep(0.1)
  assert(ngx.thread.kill(thread))
  return #client.observations:all { limit = 1000 }
end

function loops.modules()
  local opened, loaded = {}, {}
  assert(client:get "/user") -- loads the transport
  for name in pairs(package.loaded) do
    loaded[name] = true
  end
  loops.next()
  assert(client.files:each({ root = true }):next())
  assert(client.things:each({ key = "thingName" }):next())
  assert(client.things:each():next())
  loops["for"]()
  for name in pairs(package.loaded) do
    if not loaded[name] then
      opened[#opened + 1] = name
    end
  end
  table.sort(opened)
  return table.concat(opened, " ")
end

return loops
]]):format(box.base_url, box.api_key, box.username, box.password, box.ca_file)

local server = nginx.start {
  files = { ["loops.lua"] = LOOPS },
  http = "init_by_lua_block { require 'loops' }",
  server = [[
  location = /loop { content_by_lua_block {
    ngx.say(require "loops"[ngx.var.arg_name]())
  } }
]],
}

describe("a loop over pages in nginx", function()
  box:mode { observations = 60 }

  local function get(name)
    local body, status = server:get("/loop?name=" .. name)
    assert.are.equal(200, status, server:errors())
    assert.are.equal("", server:errors())
    return (body:gsub("\n$", ""))
  end

  it("reads no file in a request", function()
    assert.are.equal("", get "modules")
  end)

  it("waits in for and in next", function()
    assert.are.equal("60", get "for")
    assert.are.equal("42", get "next")
  end)

  it("is cancelled by close in another light thread; another one must not call it", function()
    box:answer { path = "/observations/find", delay = 20 }
    assert.are.equal("cancelledone at a time", (get "close":gsub("one task", "one")))
  end)

  it("leaves nothing behind when its light thread is killed", function()
    box:answer { path = "/observations/find", delay = 20 }
    assert.are.equal("60", get "kill")
  end)
end)
