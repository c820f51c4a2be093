--- Runs a scenario for spec/c/failing_allocations.c: once for each failing allocation, in a new Lua
--- state. A scenario is a table with
---
---   prepare(world)   optional; before allocations fail. What it returns is given to the others
---   run(world, made) the call; what it returns is judged
---   expect(world, ...) true for what `run` returns when nothing fails
---   after(world, made) optional; true if the state is good after a failure, whatever `run`
---                     returned; else a text with the problem
---   bare             true: nothing of mic is loaded beforehand
---
--- `run` must return what is expected or an out-of-memory error, raised or as an error object. If
--- an allocation of libcurl fails, any error is accepted.

local host = rawget(_G, "host")
local jit = rawget(_G, "jit")

if jit then
  jit.off() -- traces would make the allocations of two runs different
end

local support = {}
local world = { folder = host.folder, clients = {}, logs_in = {} }
local scenario, made

--- ---- what scenarios use ----

world.origin = "http://127.0.0.1:" .. host.port
world.base_url = world.origin .. "/prod"
world.password = "word-secret"

--- A client without retries and with short limits.
---@param options? table what differs
---@return table client
function world.client(options)
  local all = { base_url = world.base_url, api_key = "key-secret", retry = false, timeout = 5 }
  for name, value in pairs(options or {}) do
    all[name] = value or nil
  end
  all.retry = all.retry or false
  local client = require("mic").new(all)
  world.clients[#world.clients + 1] = client
  return client
end

--- A client that can log in by itself at any time.
---@param options? table
---@return table client
function world.automatic(options)
  local all = { username = "anna", password = world.password }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  local client = world.client(all)
  world.logs_in[client] = true
  return client
end

--- A client that has logged in.
---@param options? table
---@return table client
function world.logged_in(options)
  local client = world.automatic(options)
  assert(client:login())
  return client
end

--- The core's client of a client; its clock can be shifted.
---@param client table
---@return table inner
function world.inside(client)
  return require("mic.client").inside_of(client).core
end

---@param name string
---@return string path in the folder of the run
function world.path(name)
  return world.folder .. "/" .. name
end

function world.write(name, content)
  local file = assert(io.open(world.path(name), "wb"))
  file:write(content)
  file:close()
end

---@return string|nil content nil when there is no such file
function world.read(name)
  local file = io.open(world.path(name), "rb")
  local content = file and file:read "*a"
  if file then
    file:close()
  end
  return content
end

--- A call that may need a login. A failed allocation in libcurl can look like a failure of the API,
--- which begins a pause; an explicit login ignores the pause.
local function call_by_itself(client)
  local response, err = client:get "/user"
  if not response and world.kind == "libcurl" then
    assert(client:login("anna", world.password))
    response, err = client:get "/user"
  end
  return response, err
end

--- Whether a client that may have lost its credentials can log in by itself, and refresh.
---@param client table
---@return true|nil ok
---@return table|nil err
function world.renew(client)
  local response, err = call_by_itself(client)
  if not response then
    return nil, err
  end
  return client:refresh()
end

--- ---- file stores ----

world.key = world.base_url .. " anna"

--- A store of files, always the same ones, by an object of its own as in another process.
---@return table store
function world.file_store()
  return require("mic").store.file { path = world.path "credentials" }
end

--- What the same files hold, and that a sibling can have the lock.
---@return table|nil record
---@return string|nil problem
function world.saved()
  collectgarbage() -- a store that the run has made and lost has its lock until then
  local store = world.file_store()
  local token, err = store.lock(world.key, 5)
  if not token then
    return nil, "the lock is not free: " .. tostring(err)
  end
  store.unlock(world.key, token)
  for _, name in ipairs(host.files()) do
    if name:find "~new$" then
      return nil, "a half file is left: " .. name
    end
  end
  local record
  record, err = store.load(world.key)
  return record, err and tostring(err)
end

--- Whether what was in the record's file has been set aside.
function world.is_set_aside()
  for _, name in ipairs(host.files()) do
    if name:find "~damaged$" then
      return true
    end
  end
  return false
end

--- ---- what the program calls ----

--- Loads the scenario and prepares it.
---@param path string
function support.prepare(path)
  for _, name in ipairs(host.files()) do
    os.remove(world.path(name))
  end
  scenario = assert(loadfile(path))()
  if not scenario.bare then
    require "mic"
    require "mic.transport.auto"
    require "mic.store.memory"
  end
  if scenario.prepare then
    made = scenario.prepare(world)
  end
end

function support.run()
  return scenario.run(world, made)
end

local function says_memory(text)
  return text:find("not enough memory", 1, true) or text:find("out of memory", 1, true)
end

--- Judges the outcome of `run`; returns a text if it is wrong.
---@param kind "lua"|"module"|"libcurl" whose allocation has failed
---@param failed boolean whether one has
---@param ran boolean false when `run` has raised
---@param ... any what it has returned or raised
---@return string|nil problem
function support.judge(kind, failed, ran, ...)
  world.kind = kind
  local first, second = ...
  local err = not ran and first or second
  local text = type(err) == "table" and not getmetatable(err) and err.message or tostring(err)
  text = text:sub(1, 300)
  if text:find("secret", 1, true) or text:find("eyJ", 1, true) then
    return "shows a secret: " .. text
  end
  if ran and scenario.expect(world, ...) == true then
    return nil
  end
  if not failed then
    return "does not do what is expected: " .. tostring(first) .. ", " .. text
  end
  if not ran then
    return not says_memory(text) and "raises something else: " .. text or nil
  end
  if first ~= nil or type(err) ~= "table" then
    if says_memory(tostring(first)) then
      return nil
    end
    return ("comes to something else: %s, %s"):format(tostring(first), text)
  end
  local any = kind == "libcurl"
  return not any and not says_memory(text) and "returns something else: " .. text or nil
end

local function works(response, err)
  return response ~= nil, tostring(err)
end

--- The same clients and a new one work.
---@return string|nil problem
function support.check_usable()
  local is_well = not scenario.after or scenario.after(world, made)
  if is_well ~= true then
    local what = type(is_well) == "string" and ": " .. is_well or ""
    return "leaves something behind that is wrong" .. what
  end
  for _, client in ipairs(world.clients) do
    if tostring(client) ~= "mic.client (closed)" and not scenario.leaves_clients then
      local ok, problem = works(client:get("/ping", { auth = false }))
      if ok and world.logs_in[client] then
        ok, problem = works(call_by_itself(client))
      end
      if not ok then
        return "the client does not work afterwards: " .. tostring(problem)
      end
    end
  end
  local client = world.logged_in()
  local ok, problem = works(client:get "/user")
  client:close()
  return not ok and "a new client does not work: " .. tostring(problem) or nil
end

return support
