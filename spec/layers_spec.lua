-- Layers: which module may require or include which. A new module is added to `layers`; one that
-- needs a module above it is in the wrong place.

local tree = require "spec.support.tree"

--- Top to bottom; a module requires modules below it, or beside it without a cycle. A name counts
--- before a folder: `mic.profile.mic` is data that needs nothing.
local layers = {
  { "mic.command.*" },
  { "mic", "mic.environment", "mic.command.config", "mic.password_file", "mic.nginx",
    "mic.types" },
  { "mic.client", "mic.client_credentials", "mic.client_state", "mic.api.*" },
  { "mic.request.*" },
  { "mic.credentials.*" },
  { "mic.profile.*", "mic.events", "mic.debug", "mic.http.*" },
  { "mic.store.*", "mic.transport.*" },
  { "mic.profile.mic", "mic.error", "mic.error_body", "mic.one_line", "mic.pcall_compat",
    "mic.hints", "mic.json", "mic.json_encoder", "mic.pretty", "mic.options", "mic.option_specs",
    "mic.call_options", "mic.option_checks", "mic.option_names" },
  { "mic.core_loader" },
  { "mic.core", "mic.terminal" },
}

--- The path to a login or refresh has one door: only the module given may require the other.
local doors = {
  ["mic.credentials.auth_request"] = "mic.credentials.refresh",
  ["mic.credentials.authenticate"] = "mic.credentials.refresh",
  ["mic.credentials.refresh"] = "mic.credentials.single_flight",
  ["mic.credentials.single_flight"] = "mic.credentials.token_source",
}

--- Names of APIs, which only the code below this folder and the table of endpoints may say: there
--- they stand as data.
local API_FOLDER, API_TABLE = "lua/mic/profile/", "lua/mic/api/endpoints.lua"
local api_names = { "userName", "refreshToken", "identityId", "messageKey", "x%-api%-key", "/auth/",
  "/metadata", "incoming token", "INVALID_LOGIN", "TOKEN_EXPIRED", "AuthenticationResult",
  "Cognito", "X%-Authorization", "thingsboard", "directus" }

local lua_files = tree.files("lua", "%.lua$")
local c_files = tree.files("src", "%.[ch]$")

local function module_of(path)
  return (path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

local function layer_of(module)
  local found
  for level, members in ipairs(layers) do
    for _, member in ipairs(members) do
      local folder = member:match "^(.*)%*$"
      if member == module then
        return level
      elseif folder and module:sub(1, #folder) == folder then
        found = found or level
      end
    end
  end
  return found
end

--- The modules that a file requires; with `at_load` only those it needs to be loaded.
local function required_by(path, at_load)
  local found = {}
  for line in (tree.code(path) .. "\n"):gmatch "(.-)\n" do
    if not at_load or line:find "^[%a_]" then
      for _, loads in ipairs { "require", "pcall_compat%.load", "pcall_compat%.need" } do
        for name in line:gmatch(loads .. "%s*%(?%s*[\"'](mic[%w_.]*)[\"']") do
          found[#found + 1] = name
        end
      end
    end
  end
  return found
end

--- "src/core/text/url.h" and "src/core/text/url.c" are one component.
local function component(path)
  return (path:gsub("%.[ch]$", ""))
end

--- The folders of the C side, top to bottom; a file includes what is in its own folder or below.
local c_folders = { "src/terminal", "src/binding", "src/core", "src/core/engine",
  "src/core/transfer", "src/core/credentials", "src/core/process", "src/core/text" }

local below_all = { ["src/core/base.h"] = true, ["src/core/list.h"] = true }

local function folder_level(path)
  for level, folder in ipairs(c_folders) do
    if path:match "^(.*)/" == folder then
      return level
    end
  end
end

local function included_by(path)
  local found = {}
  for named in tree.code(path):gmatch '#include%s+"([^"]+)"' do
    local folder, name = path:match "^(.*)/", named
    while name:find "^%.%./" do
      folder, name = folder:match "^(.*)/", name:sub(4)
    end
    found[#found + 1] = folder .. "/" .. name
  end
  return found
end

--- The first cycle in a graph of name → set of names, as text; nil when there is none.
local function circle(graph)
  local state, trail = {}, {}
  local function visit(node)
    trail[#trail + 1] = node
    if state[node] == "open" then
      return table.concat(trail, " -> ")
    end
    if not state[node] then
      state[node] = "open"
      for next_node in pairs(graph[node] or {}) do
        local found = visit(next_node)
        if found then
          return found
        end
      end
      state[node] = "done"
    end
    trail[#trail] = nil
  end
  for node in pairs(graph) do
    local found = visit(node)
    if found then
      return found
    end
  end
end

local function check(problems)
  assert(#problems == 0, "\n" .. table.concat(problems, "\n"))
end

describe("the layers of the Lua side", function()
  it("have a place for every module", function()
    local problems = {}
    assert.is_true(#lua_files > 0)
    for _, path in ipairs(lua_files) do
      if not layer_of(module_of(path)) then
        problems[#problems + 1] = path .. " stands in no layer of spec/layers_spec.lua"
      end
    end
    check(problems)
  end)

  it("point downwards only", function()
    local problems = {}
    for _, path in ipairs(lua_files) do
      local own = layer_of(module_of(path)) or 0
      for _, name in ipairs(required_by(path)) do
        local level = layer_of(name)
        if not level then
          problems[#problems + 1] = path .. " requires " .. name .. ", which stands in no layer"
        elseif level < own then
          problems[#problems + 1] = path .. " requires " .. name .. ", which stands above it"
        end
      end
    end
    check(problems)
  end)

  it("have no cycle among the modules required at load", function()
    local graph = {}
    for _, path in ipairs(lua_files) do
      local needs = {}
      for _, name in ipairs(required_by(path, true)) do
        needs[name] = true
      end
      -- In nginx these are loaded with it.
      local seldom = tree.code(path):match "\nlocal seldom = (%b{})" or ""
      for name in seldom:gmatch '"(mic[%w_.]*)"' do
        needs[name] = true
      end
      graph[module_of(path)] = needs
    end
    assert.is_nil(circle(graph))
  end)

  it("start a login or refresh through one door", function()
    local problems = {}
    for _, path in ipairs(lua_files) do
      local module = module_of(path)
      for _, name in ipairs(required_by(path)) do
        if doors[name] and doors[name] ~= module then
          problems[#problems + 1] = path .. " requires " .. name .. "; only " .. doors[name]
        end
      end
      if module ~= "mic.credentials.auth_request" and
        tree.code(path):find "[:.]start%s*%(%s*[^)]-[\"'][lr]e?[of][gr]" then
        problems[#problems + 1] = path .. " starts a login or refresh; only auth_request does"
      end
    end
    check(problems)
  end)

  it("hand the token source down as fields: no module below calls its methods", function()
    local problems = {}
    for _, path in ipairs(lua_files) do
      local code = path:find "/credentials/" and tree.code(path) or ""
      local call = not path:find "/token_source%.lua$" and code:match "account:[%a_]+"
      if call then
        problems[#problems + 1] = path .. " says " .. call
      end
    end
    check(problems)
  end)
end)

describe("the layers of the C side", function()
  it("keep Lua out of src/core", function()
    local problems = {}
    for _, path in ipairs(tree.files("src/core", "%.[ch]$")) do
      local code = tree.code(path)
      for _, word in ipairs { "lua%.h", "lauxlib%.h", "lualib%.h", "lua_State", "luaL?_%a" } do
        if code:find(word) then
          problems[#problems + 1] = path .. " says " .. word:gsub("%%", "")
        end
      end
    end
    check(problems)
  end)

  it("include downwards only, folder by folder; base.h and list.h are below all", function()
    local problems = {}
    for _, path in ipairs(c_files) do
      local own = folder_level(path)
      if not own then
        problems[#problems + 1] = path .. " stands in no folder of spec/layers_spec.lua"
      end
      for _, name in ipairs(included_by(path)) do
        if not below_all[name] and (folder_level(name) or 0) < (own or 0) then
          problems[#problems + 1] = path .. " includes " .. name .. ", which stands above it"
        end
      end
    end
    check(problems)
  end)

  it("drive libcurl in src/core alone, the multi handle in few files", function()
    local problems = {}
    local function refuse(path, code, word, who)
      if code:find(word) then
        problems[#problems + 1] = path .. " says " .. code:match(word .. "[%w_]*") .. "; " .. who
      end
    end
    for _, path in ipairs(c_files) do
      local code = tree.code(path)
      if path:find "^src/binding/" then
        for _, word in ipairs { "curl_easy_", "curl_multi_", "curl_url", "curl_slist", "CURLOPT_",
          "CURLMOPT_", "_cb_" } do
          refuse(path, code, word, "the binding takes arguments in and hands results out")
        end
      elseif not path:find "/connections%.c$" and not path:find "/engine/"
        and not path:find "/poller%.c$" then
        refuse(path, code, "curl_multi_", "only connections, engine and poller may")
      end
    end
    check(problems)
  end)

  it("have one place where each module is opened", function()
    local openers = { ["src/binding/mic_core.c"] = true, ["src/terminal/terminal.c"] = true }
    for _, path in ipairs(c_files) do
      local opens = tree.code(path):find "luaopen_" ~= nil
      assert.equal(openers[path] or false, opens, path)
    end
  end)

  it("include existing files, base.h first, without a cycle", function()
    local problems, graph, exists = {}, {}, {}
    assert.is_true(#c_files > 0)
    for _, path in ipairs(c_files) do
      exists[path] = true
    end
    for _, path in ipairs(c_files) do
      local needs = graph[component(path)] or {}
      graph[component(path)] = needs
      local includes = included_by(path)
      if path:find "%.c$" and includes[1] ~= "src/core/base.h" then
        problems[#problems + 1] = path .. " does not include base.h first"
      end
      for _, name in ipairs(includes) do
        if not exists[name] then
          problems[#problems + 1] = path .. " includes " .. name .. ", which is not there"
        end
        if component(name) ~= component(path) then
          needs[component(name)] = true
        end
      end
    end
    check(problems)
    assert.is_nil(circle(graph))
  end)
end)

describe("the names of the API", function()
  it("stand where the API is written down, and nowhere else", function()
    local problems, data = {}, ""
    for _, path in ipairs(tree.files(API_FOLDER:sub(1, -2), "%.lua$")) do
      data = data .. tree.code(path)
    end
    for _, name in ipairs(api_names) do -- each is looked for as it is spelt
      assert.is_truthy(data:find(name), name)
    end
    for _, files in ipairs { lua_files, c_files } do
      for _, path in ipairs(files) do
        local may = path:sub(1, #API_FOLDER) == API_FOLDER or path == API_TABLE
        local code = may and "" or tree.code(path)
        for _, name in ipairs(api_names) do
          if code:find(name) then
            problems[#problems + 1] = path .. " says " .. code:match("[^\n]*" .. name .. "[^\n]*")
          end
        end
      end
    end
    check(problems)
  end)
end)
