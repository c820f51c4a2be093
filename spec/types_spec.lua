-- lua/mic/types.lua: written by tools/types.lua, never required, and its lines are all and only the
-- names that a program meets.

local api = require "spec.support.api"
local mic = require "mic"
local shell = require "spec.support.shell"
local tree = require "spec.support.tree"

local TYPES = "lua/mic/types.lua"

local text = tree.read(TYPES)

--- Fields by class and name.
local fields, classes = {}, {}
for line in text:gmatch "[^\n]+" do
  local class = line:gsub("%(exact%) ", ""):match "^%-%-%-@class ([%w_.]+)"
  if class then
    classes[#classes + 1] = class
    fields[class] = fields[class] or {}
  end
  local name = line:match "^%-%-%-@field ([%w_]+)%??%f[ ]"
  if name then
    fields[classes[#classes]][name] = true
  end
end

local function sorted(set)
  local names = {}
  for name in pairs(set) do
    if type(name) == "string" and not name:find "^__" then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return names
end

local function assert_same(expected, class)
  assert.same(sorted(expected), sorted(fields[class]), class)
end

--- Each of these names has a line; not each line needs to be met.
local function assert_has(names, class)
  for name in pairs(names) do
    if type(name) == "string" and not name:find "^_" then
      assert.is_true(fields[class][name], class .. " has no " .. name)
    end
  end
end

describe("the types", function()
  it("are what tools/types.lua makes", function()
    local tool = assert(io.popen(shell.lua .. " tools/types.lua"))
    local made = tool:read "*a"
    tool:close()
    assert(made == text, "write it again: make " .. TYPES)
  end)

  it("cannot be required by name, and no module requires them", function()
    assert.equal("---@meta _", text:match "^[^\n]*")
    for _, folder in ipairs { "lua", "bin", "sandbox" } do
      for _, path in ipairs(tree.files(folder, "")) do
        assert.is_nil(tree.code(path):find("mic.types", 1, true), path)
      end
    end
    assert.is_nil(package.loaded["mic.types"])
  end)

  it("are comments alone", function()
    for line in text:gmatch "[^\n]+" do
      assert.is_truthy(line:find "^%-%-%-", line)
    end
    assert.is_truthy(loadfile(TYPES))
  end)

  it("have the classes that the contract names, each once", function()
    local seen = {}
    for _, class in ipairs(classes) do
      assert.is_nil(seen[class], class)
      seen[class] = true
    end
    for _, name in ipairs {
      "Options", "TlsOptions", "RetryOptions", "Client", "CallOptions", "Request", "BatchRequests",
      "BatchResult", "Response", "Timings", "Error", "Session", "Status", "Counters", "Credentials",
      "Event", "Store", "Record", "Transport", "Features", "UserIterator", "ThingIterator", "Users",
      "Things", "User", "Thing", "ThingType", "Observation", "ApiEvent", "File",
    } do
      assert.is_true(seen["mic." .. name], name)
    end
    for _, name in ipairs { "ErrorKind", "EventType" } do
      assert.is_truthy(text:find("\n---@alias mic." .. name .. "\n", 1, true), name)
    end
  end)

  it("name no class that is not there", function()
    local known = { ["mic.ErrorKind"] = true, ["mic.EventType"] = true }
    for _, class in ipairs(classes) do
      known[class] = true
    end
    for line in text:gmatch "[^\n]+" do
      local types = line:match "^%-%-%-@field %S+ (.*)$" or line:match "^%-%-%-@class .*: (.*)$"
      for name in (types or ""):gmatch "mic%.%u[%w]*" do
        assert.is_true(known[name], line)
      end
    end
  end)

  it("are exact for options, and those are all that there are", function()
    local specs = require "mic.option_specs"
    local calls = {}
    for name in pairs(require("mic.call_options").fields) do
      calls[name] = true
    end
    assert_same(specs.client.fields, "mic.Options")
    assert_same(specs.client.fields.tls.fields, "mic.TlsOptions")
    assert_same(specs.client.fields.retry.fields, "mic.RetryOptions")
    calls.method, calls.path = nil, nil
    assert_same(calls, "mic.CallOptions")
    for _, name in ipairs { "Options", "TlsOptions", "RetryOptions", "CallOptions", "Request" } do
      assert.is_truthy(text:find("\n---@class (exact) mic." .. name, 1, true), name)
    end
  end)
end)

describe("every name at run time has a line, every line is a name, of", function()
  local client = mic.new { base_url = "https://localhost:1/prod", api_key = "-" }
  local collections, tops = {}, {}
  for name in pairs(fields["mic.Client"]) do
    local kind = type(client[name])
    if kind == "table" then
      collections[name] = client[name]
    else
      assert(kind == "function", "client." .. name .. " is no method")
      tops[name] = true
    end
  end

  it("the module", function()
    local code = tree.read "lua/mic.lua"
    local constructor = code:match "\nlocal mic = (%b{})"
    for name in pairs(mic) do
      local written = code:find("\nfunction mic%." .. name .. "%(")
        or constructor:find("\n  " .. name .. " = ")
      assert.is_truthy(written or fields.mic[name], "mic." .. name)
    end
    for name in pairs(fields.mic) do
      assert.is_truthy(mic[name], "mic." .. name)
    end
    for name in pairs(fields["mic.Stores"]) do -- shared_dict cannot be loaded outside nginx
      assert.is_truthy(name == "shared_dict" or mic.store[name], "mic.store." .. name)
    end
  end)

  it("the client", function()
    local expected = require("mic.api.names").all()
    for name in pairs(require("mic.client").methods) do
      expected[name] = true
    end
    assert_same(expected, "mic.Client")
    assert.is_true(tops.get and tops.login and tops.whoami)
  end)

  it("the collections", function()
    local count = 0
    for name, collection in pairs(collections) do
      count = count + 1
      local listed = {}
      for line in tostring(collection):gmatch "\n  ([^\n]+)" do
        if line:find "^each" then
          for method in line:gmatch "%a+" do
            listed[method] = true
          end
        else
          listed[line:match "^[%w_]+"] = true
        end
      end
      local class = "mic." .. ("_" .. name):gsub("_(%a)", string.upper)
      assert_same(listed, class)
      for method in pairs(fields[class]) do
        assert.equal("function", type(collection[method]), class .. ":" .. method)
      end
    end
    assert.is_true(count >= 12)
  end)

  it("the iterators", function()
    for _, name in ipairs { "users", "things", "thing_types", "observations", "events", "files" } do
      local given = name == "files" and { listAll = true } or {}
      local it = client[name]:each(given)
      local kind = ("_" .. name):gsub("_(%a)", string.upper):gsub("s$", "")
      kind = kind == "Event" and "ApiEvent" or kind
      local expected = { err = true }
      for method in pairs(getmetatable(it).__index) do
        expected[method] = true
      end
      for field in pairs(it) do
        expected[field] = true
      end
      assert_same(expected, "mic." .. kind .. "Iterator")
      assert_same(expected, "mic." .. kind .. "Pages")
    end
  end)

  it("stores and transports", function()
    assert_same(mic.store.memory(), "mic.Store")
    assert_same(require("mic.option_specs").loop_functions, "mic.Transport")
  end)

  it("features and endpoints", function()
    assert_same(mic.features(), "mic.Features")
    for _, row in ipairs(mic.endpoints()) do
      assert_has(row, "mic.Endpoint")
    end
  end)
end)

describe("what calls return has only names with a line:", function()
  local box = api.around()

  it("responses, errors, events, credentials, status", function()
    local one = box:automatic { on_event = function(event)
      assert_has(event, "mic.Event")
    end }
    local session = assert(one:login())
    assert_has(session, "mic.Session")
    local response = assert(one:get "/user")
    for _, name in ipairs(sorted(fields["mic.Response"])) do
      assert.is_not_nil(response[name], name)
    end
    assert_same(response.timings, "mic.Timings")
    assert_has(one:credentials(), "mic.Credentials")
    local _, err = one:get "/users/nobody"
    assert_has(err, "mic.Error")
    assert_has(one:status(), "mic.Status")
    assert_same(one:status().counters, "mic.Counters")
    assert_has(one:batch({ { path = "/user" } })[1], "mic.BatchResult")
    one:close()
  end)
end)
