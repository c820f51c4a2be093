-- docs/other-apis.md: every profile on the page is accepted by mic.new, and those that are marked
-- "run" log in, call and renew, against a sandbox that answers as that API does.

local api = require "spec.support.api"
local blocks = require "spec.support.blocks"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"
local tree = require "spec.support.tree"

local mic = require "mic"

local PAGE = "docs/other-apis.md"

--- ---- the blocks of the page ----

--- The heading of the section that a line is in.
local function heading_of(line)
  local number, heading = 0, "the beginning"
  for text in tree.read(PAGE):gmatch "([^\n]*)\n" do
    number = number + 1
    if number > line then
      break
    end
    heading = text:match "^##+ (.+)$" or heading
  end
  return heading
end

--- Takes every call, so that nothing is sent.
local client_mt = {}
function client_mt.__index()
  return function()
    return nil, "nothing is sent here"
  end
end

--- Runs a block with stand-ins for what it leaves open, and returns the options of each mic.new.
local function options_in(block)
  local made = {}
  local fake = { store = {
    shared_dict = function()
      return mic.store.memory()
    end,
  } }
  function fake.new(options)
    made[#made + 1] = options
    return setmetatable({}, client_mt)
  end
  local globals = {
    mic = fake,
    require = function() return fake end,
    os = { getenv = function(name) return name end },
    ipairs = ipairs, pairs = pairs, tostring = tostring, print = function() end, io = io,
  }
  --- An unknown function of the page, such as sign_jwt.
  setmetatable(globals, { __index = function() return function() return "x" end end })
  local text = block.text:gsub("…", "x")
  local chunk
  if rawget(_G, "setfenv") then
    chunk = assert(loadstring(text, "=" .. block.name)) -- luacheck: ignore
    setfenv(chunk, globals) -- luacheck: ignore
  else
    chunk = assert(load(text, "=" .. block.name, "t", globals)) -- luacheck: ignore
  end
  chunk()
  return made
end

local found = {}
for _, block in ipairs(blocks.of(PAGE, "lua")) do
  if block.text:find("mic.new", 1, true) then
    found[#found + 1] = { block = block, heading = heading_of(block.line) }
  end
end

describe("docs/other-apis.md", function()
  it("has profiles", function()
    assert.is_true(#found >= 30)
  end)

  for _, entry in ipairs(found) do
    it(entry.block.name .. " is accepted by mic.new: " .. entry.heading, function()
      local made = options_in(entry.block)
      assert.is_true(#made > 0)
      for _, options in ipairs(made) do
        mic.new(options):close()
      end
    end)
  end

  it("marks each profile to copy, and has one block for each", function()
    local section = (tree.read(PAGE) .. "\n## "):match "\n## Profiles to copy\n(.-)\n## "
    local count = 0
    for heading in section:gmatch "\n### ([^\n]+)" do
      local blocks_here = 0
      for _, entry in ipairs(found) do
        blocks_here = blocks_here + (entry.heading == heading and 1 or 0)
      end
      count = count + 1
      assert.is_truthy(heading:find " %(run%)$" or heading:find " %(docs%)$", heading)
      assert.equal(1, blocks_here, heading)
    end
    assert.is_true(count > 25)
  end)

  it("signs a JWT with openssl, that openssl verifies", function()
    local folder = scratch.folder()
    local key, public = folder:at "app.pem", folder:at "public.pem"
    shell.check(("openssl genrsa -out %s 2048 2>&1 && openssl rsa -in %s -pubout -out %s 2>&1")
      :format(key, key, public))
    local text
    for _, block in ipairs(blocks.of(PAGE, "lua")) do
      text = block.text:find("local function sign_jwt", 1, true) and block.text or text
    end
    text = text:gsub("app%.pem", (key:gsub("%%", "%%%%"))) .. "\nreturn sign_jwt()"
    local jwt = assert((loadstring or load)(text))() -- luacheck: ignore
    local signed, signature = jwt:match "^([%w_-]+%.[%w_-]+)%.([%w_-]+)$"
    assert.equal(342, #signature) -- 256 bytes
    local standard = signature:gsub("-", "+"):gsub("_", "/") .. "=="
    local file = folder:at "signature"
    shell.check(("printf %%s %s | openssl base64 -d -A > %s"):format(standard, file))
    assert.is_truthy(shell.check(("printf %%s %s | openssl dgst -sha256 -verify %s -signature %s")
      :format(signed, public, file)):find "Verified OK")
  end)

  it("shows the messages for profiles that are wrong", function()
    local function message(profile, options)
      local all = { base_url = "https://localhost", username = "demo", password = "x" }
      for name, value in pairs(options or {}) do
        all[name] = value
      end
      all.profile = profile
      local ok, problem = pcall(mic.new, all)
      assert.is_false(ok)
      return (tostring(problem):gsub("^.-:%d+: ", ""):gsub(";? known[ :].*", ""))
    end
    local function login(body)
      return { name = "x", login = "POST /login", login_body = body }
    end
    local found_messages = {
      message { name = "x", logn = "POST /" },
      message {},
      message(login '{"user":{foo}}'),
      message { name = "x", headers = { "A: {token}", "X-K: k{api_key}" } },
      message("oauth2", { client_id = "x" }),
      message { name = "x", login = "/login" },
      message { name = "x", login_body = "a=b" },
      message(login '{"user":}'),
      message(login '{"user":"{username}"}'),
      message { name = "x", headers = { "A: {token}", "a: b" } },
      message({ name = "x", headers = { "A: {password}" } }, { auth_url = "https://other" }),
    }
    local section = tree.read(PAGE):match "\n## Messages about profiles\n(.-)\n## "
    local shown = {}
    for text in section:match("\n|%-%-%-.*"):gmatch "\n| ([^|]*) |" do
      shown[#shown + 1] = text
    end
    assert.same(found_messages, shown)
  end)

  it("describes every field of a profile and every built-in one, and no other", function()
    local text = tree.read(PAGE)
    local fields = text:match "\n## Fields\n(.-)\n## "
    local known = {}
    for names in ("\n" .. fields):gmatch "\n| (`[^|]*) |" do
      for name in names:gmatch "`([%w_]+)`" do
        known[name] = true
      end
    end
    --- The message names all known fields.
    local ok, message = pcall(mic.new, {
      base_url = "https://localhost", profile = { name = "x", qqqqqqqq = 1 },
    })
    assert.is_false(ok)
    local count = 0
    for name in tostring(message):match("known options: (.*)$"):gmatch "profile%.([%w_]+)" do
      count = count + 1
      assert.is_true(known[name], name)
      known[name] = nil
    end
    assert.is_true(count > 15)
    assert.same({}, known)

    local built_in = text:match "\n## Built in\n(.-)\n## "
    for name in pairs(require "mic.profile.rows") do
      assert.is_truthy(built_in:find('| `"' .. name .. '"`', 1, true), name)
    end
    for name in ("\n" .. built_in):gmatch '\n| `"([^"]+)"`' do
      assert.is_truthy(require("mic.profile.rows")[name], name)
    end
  end)
end)

--- ---- the profiles that are run ----

--- Modes of the sandbox, by heading.
local modes = {
  ["Directus (run)"] = "directus",
  ["Supabase (run)"] = "supabase",
  ["Vault, user and password (run)"] = "vault",
  ["Balena (run)"] = "text",
  ["etcd 3.4 (run)"] = "idle",
  ["Node-RED (run)"] = "challenge",
  ["Parse (run)"] = "query",
  ["Zabbix 6.4 (run)"] = "status200",
  ["OAuth2, client credentials (run)"] = "oauth2",
  ["OAuth2, password (run)"] = "oauth2",
}

for _, entry in ipairs(found) do
  local mode = modes[entry.heading]
  if mode then
    describe("docs/other-apis.md: " .. entry.heading, function()
      local sandbox = api.around()

      it("logs in, calls, and renews an expired token", function()
        sandbox:mode { profile = mode }
        local options = options_in(entry.block)[1]
        options.base_url = sandbox.base_url
        options.tls = { ca_file = sandbox.ca_file }
        if options.client_id then
          options.client_id, options.client_secret = "demo", sandbox.password
          options.auth_url = sandbox.base_url .. "/oauth2/token"
        end
        if options.username then
          options.username, options.password = "demo", sandbox.password
        end
        options.api_key = options.api_key and sandbox.api_key or nil
        local client = mic.new(options)
        local res = mic.assert(client:get "/thing")
        assert.is_true(res.data.ok)
        sandbox:expire()
        mic.assert(client:get "/thing")
        local counters = client:status().counters
        assert.equal(2, counters.logins + counters.refreshes)
        client:close()
      end)
    end)
    modes[entry.heading] = nil
  end
end

describe("the sandbox", function()
  it("has a profile of the page for each of these modes", function()
    assert.same({}, modes)
  end)
end)
