-- Cost of a program that makes one call: Lua memory and the modules loaded.

local api = require "spec.support.api"
local scratch = require "spec.support.scratch"
local tree = require "spec.support.tree"

local jit = rawget(_G, "jit")

--- KiB after a full collection that `require "mic"` and one call with a stored token may take, by
--- Lua: a tenth more than was measured.
local bounds = {
  ["Lua 5.1"] = 315,
  ["Lua 5.2"] = 313,
  ["Lua 5.3"] = 299,
  ["Lua 5.4"] = 273,
  LuaJIT = 245,
}

--- A program with a token in a file. It loads neither busted nor luacov.
local BEGIN = [[
  local path = %q
  collectgarbage()
  collectgarbage()
  local before = collectgarbage "count"
  local mic = require "mic"
  local client = mic.new {
    base_url = os.getenv "MIC_BASE_URL",
    api_key = os.getenv "MIC_API_KEY",
    username = os.getenv "MIC_USERNAME",
    password = os.getenv "MIC_PASSWORD",
    tls = { ca_file = os.getenv "MIC_CA_FILE" },
    retry = false,
    store = mic.store.file { path = path },
  }
]]

--- Loaded by a call with a fresh token, and by no more than that.
local plain = [[
  mic mic.client mic.client_state mic.core mic.core_loader mic.credentials.backoff
  mic.credentials.credential_cache mic.credentials.rate_limit
  mic.credentials.refused_logins mic.credentials.renewal_policy
  mic.credentials.token_source mic.error mic.error_body mic.hints mic.http.response
  mic.http.retry mic.http.retry_budget mic.http.time_limit mic.json mic.one_line mic.option_specs
  mic.options mic.pcall_compat mic.profile.mic
  mic.profile.profile mic.request.send mic.store.leased
  mic.store.file mic.transport.auto mic.transport.blocking
]]

--- From here on no further module can be loaded.
local NO_MORE = [[
  package.path = ""
]]

describe("one call with a stored token", function()
  local box = api.around()
  local folder

  before_each(function()
    folder = scratch.folder().path .. "/new"
    assert.are.equal("200\n", box:run(BEGIN:format(folder .. "/c") .. [[
      print(assert(client:get "/user").status)
    ]]))
  end)

  local function run(code)
    return box:run(BEGIN:format(folder .. "/c") .. code)
  end

  it("takes little memory of Lua", function()
    local printed = run [[
      assert(client:get "/user")
      collectgarbage()
      collectgarbage()
      print(collectgarbage "count" - before)
    ]]
    local used = assert(tonumber(printed), printed)
    local bound = bounds[jit and "LuaJIT" or _VERSION]
    assert(used <= bound, ("%.1f KiB of %d"):format(used, bound))
  end)

  it("loads no module that it does not use", function()
    local expected = {}
    for name in plain:gmatch "%S+" do
      expected[#expected + 1] = name
    end
    table.sort(expected)
    assert.are.equal(table.concat(expected, " ") .. "\n", run [[
      assert(client:get "/user")
      local names = {}
      for name in pairs(package.loaded) do
        if name:find "^mic%f[^%w_]" then
          names[#names + 1] = name
        end
      end
      table.sort(names)
      print(table.concat(names, " "))
    ]])
  end)

  it("returns its answer when further modules cannot be loaded", function()
    box:answer { path = "/gone", status = 404, body = '{"message":"no such thing"}' }
    assert.are.equal("http\t404\tno such thing\t/gone\t404\n", run(NO_MORE .. [[
      local _, err = client:get "/gone"
      print(err.kind, err.status, err.message, err.path, err.response.status)
    ]]))
  end)

  it("sends nothing when a module that it needs cannot be loaded, and returns an error", function()
    local printed = run([[
      client:authenticated()
    ]] .. NO_MORE .. [[
      local function tell(task, ...)
        local result, err = task(client, ...)
        print(result, err.kind, (err.message:match "^mic[%w._]+ cannot be loaded"))
      end
      tell(client.post, "/x", {})
      tell(client.get, "/x", { auth = false })
      tell(client.refresh)
      package.loaded["mic.client_credentials"] = nil
      tell(client.refresh)
      print(client:batch({ "/x" })[1].err.kind)
    ]])
    assert.are.equal([[
nil	network	mic.request.build cannot be loaded
nil	network	mic.request.build cannot be loaded
nil	network	mic.credentials.single_flight cannot be loaded
nil	network	mic.client_credentials cannot be loaded
network
]], printed)
  end)

  it("is loaded as a whole in nginx, where a request must not read files", function()
    local seldom = tree.code("lua/mic/client.lua"):match "local seldom = (%b{})"
    local code = tree.code "lua/mic/client.lua" .. tree.code "lua/mic/request/send.lua"
      .. tree.code "lua/mic/client_state.lua" .. tree.code "lua/mic/options.lua"
      .. tree.code "lua/mic/credentials/token_source.lua"
      .. tree.code "lua/mic/api/names.lua" .. tree.code "lua/mic/api/named_call.lua"
      .. tree.code "lua/mic/api/special_calls.lua"
    local count = 0
    for name in code:gmatch "pcall_compat%.%a+%(?%s*\"(mic[%w._]+)\"" do
      count = count + 1
      assert(seldom:find('"' .. name .. '"', 1, true), name)
    end
    assert.is_true(count > 8)
  end)
end)
