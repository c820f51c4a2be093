-- docs/: every public name is in the reference, every name in its tables exists, its code blocks
-- run, and every public function documents its parameters and results.

local blocks = require "spec.support.blocks"
local tree = require "spec.support.tree"

local mic = require "mic"
local json = require "mic.json"
local specs = require "mic.option_specs"

local REFERENCE = "docs/reference.md"

local function sorted(set)
  local names = {}
  for name in pairs(set) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

--- The names in the first column of the table below a heading: "client:get" of "`client:get(…)`".
local function documented(heading)
  local found = {}
  local section = (tree.read(REFERENCE) .. "\n## "):match("\n## " .. heading .. "\n(.-)\n## ")
  assert(section, "no heading " .. heading)
  for name in section:gmatch "\n| `([%w_.:]+)[^`|]*` |" do
    found[name] = true
  end
  return found
end

local function names_of(map, prefix)
  local found = {}
  for name in pairs(map) do
    found[(prefix or "") .. name] = true
  end
  return found
end

local function options_of(spec)
  local found = {}
  for name in pairs(spec.fields) do
    found[name] = true
  end
  return found
end

local function variables()
  local found = {}
  local code = tree.read "lua/mic/environment.lua"
  for name in code:gmatch "\n  (MIC_[%u_]+) = " do
    found[name] = true
  end
  for _, path in ipairs(tree.files("lua", "%.lua$")) do
    for name in tree.read(path):gmatch '%f[%w]environment "(MIC_[%u_]+)"' do
      found[name] = true
    end
  end
  for name in tree.read("lua/mic/command/config.lua"):gmatch 'getenv "(MIC_[%u_]+)"' do
    found[name] = true
  end
  return found
end

local function kinds()
  local found = {}
  local code = tree.read("lua/mic/error.lua"):match "\nlocal kinds = (%b{})"
  for name in code:gmatch "([%a_]+) = true" do
    found[name] = true
  end
  return found
end

describe("the reference names all and only what there is, in", function()
  local tables = {
    ["The module"] = names_of(mic, "mic."),
    ["Client options"] = options_of(specs.client),
    ["TLS options"] = options_of(specs.client.fields.tls),
    ["Call options"] = options_of(require "mic.call_options"),
    ["Environment variables"] = variables(),
    ["Client methods"] = names_of(require("mic.client").methods, "client:"),
    ["Kinds of errors"] = kinds(),
    ["JSON"] = names_of(mic.json, "mic.json."),
    ["Stores"] = names_of(mic.store.memory()),
    ["Transports"] = names_of(specs.loop_functions),
  }

  for heading, real in pairs(tables) do
    it(heading, function()
      assert.is_truthy(next(real))
      assert.same(sorted(real), sorted(documented(heading)))
    end)
  end
end)

--- Meets every error, event and state that this version has, and prints the names that it saw.
local MEETING = [[
local mic = require "mic"
local seen = { response = {}, err = {}, status = {}, counters = {}, event = {}, type = {} }

local function note(where, map)
  for name in pairs(map) do
    if name:sub(1, 1) ~= "_" then
      seen[where][name] = true
    end
  end
end

local function note_event(event)
  seen.type[event.type] = true
  note("event", event)
end

local function note_err(_, err)
  note("err", err)
end

local function new(options)
  options.base_url = options.base_url or os.getenv "MIC_BASE_URL"
  options.api_key = os.getenv "MIC_API_KEY"
  options.tls = { ca_file = os.getenv "MIC_CA_FILE" }
  options.on_event = note_event
  return mic.new(options)
end

local function broken() error "broken" end
local store = { load = function() end, save = broken, lock = function() return 1 end,
  unlock = broken }
local control = mic.new { base_url = os.getenv "MIC_SANDBOX_CONTROL", api_key = "-" }

local function tell(path, data)
  mic.assert(control:post(path, data, { auth = false }))
end

local reader = new { store = store }
note_err(reader:login("demo", "wrong"))
note("status", reader:status())
reader:login("per@example.com", os.getenv "MIC_PASSWORD")
tell "/expire"
local res = mic.assert(reader:get "/user")
res.headers = res.headers
note("response", res)
note_err(reader:post("/users", { userName = "x" }))
note_err(reader:get "/users/nobody")
note_err(reader:get "/no/such/path")
tell("/answer", { path = "/user", status = 302, headers = { Location = "https://localhost/" } })
note_err(reader:get "/user")
tell("/answer", { path = "/user", status = 503, headers = { ["Retry-After"] = "0" } })
mic.assert(reader:get("/user", { query = { size = 1 } }))
io.stderr = { write = function() end }
local loud = mic.new { base_url = os.getenv "MIC_BASE_URL", api_key = "-", on_event = broken }
loud:get("/metadata/manifest")
note("status", loud:status())
note_err(new { base_url = "https://localhost:1" }:login("demo", "wrong"))
note_err(new { username = "demo", password = broken }:get "/user")
local refused = new { username = "demo", password = "wrong" }
refused:get "/user"
note("status", refused:status())
note("status", reader:status())
note("counters", reader:status().counters)
note("response", getmetatable(res).__index and { header_values = res.header_values })
print(mic.json.encode(seen))
]]

describe("the reference names all and only what a program meets, in", function()
  local script = blocks.run({ { text = MEETING } })[1]
  local seen = json.decode(script.printed)

  it("a program with every error, event and state", function()
    assert.equal(0, script.code, script.printed)
    assert.is_truthy(seen, script.printed)
  end)

  for heading, name in pairs {
    ["The response"] = "response",
    ["Errors"] = "err",
    ["Status"] = "status",
    ["Events"] = "type",
    ["Fields of events"] = "event",
  } do
    it(heading, function()
      assert.same(sorted(seen[name]), sorted(documented(heading)))
    end)
  end

  it("the counters", function()
    local row = tree.read(REFERENCE):match "\n| `counters` |[^\n]*"
    for name in pairs(seen.counters) do
      assert.is_truthy(row:find("`" .. name .. "`", 1, true), name)
    end
  end)
end)

--- Runs the Lua blocks of a page each for itself and all as one program, in one sandbox.
local function run_page(page)
  if page == "docs/nginx.md" or page == "docs/other-apis.md" or page == "docs/testing.md" then
    return {} -- these have specs of their own, since they need an nginx or other servers
  end
  local scripts = blocks.of(page, "lua")
  if #scripts > 1 then
    table.insert(scripts, 1, blocks.pasted(page)) -- first: the sandbox is as at its start
  end
  return blocks.run(scripts)
end

--- Specs of their own run the commands of these pages: command_docs, testing_doc and deployment.
local COMMAND, TESTING, DEPLOYMENT = "docs/command.md", "docs/testing.md", "docs/deployment.md"
local run_elsewhere = { [COMMAND] = true, [TESTING] = true, [DEPLOYMENT] = true }

for _, page in ipairs(tree.files("docs", "%.md$")) do
  describe("the code in " .. page, function()
    it("is Lua, nginx, shell, or a picture", function()
      for _, block in ipairs(blocks.read(page)) do
        local known = { lua = true, sh = true, [""] = true }
        known.nginx = page == "docs/nginx.md" or page == "docs/other-apis.md"
          or page == TESTING
        known.console, known.ini = page == COMMAND, page == COMMAND or page == DEPLOYMENT
        known.yaml = page == TESTING or page == DEPLOYMENT
        assert.is_true(known[block.language], block.name)
      end
    end)

    it("names commands, targets, variables and packages that exist", function()
      for _, block in ipairs(run_elsewhere[page] and {} or blocks.of(page, "sh")) do
        for _, command in ipairs(block.lines) do
          assert.is_nil(blocks.problem_with(command), command)
        end
      end
    end)

    for _, script in ipairs(run_page(page)) do
      it(script.name .. " runs as it stands and prints what the page says", function()
        assert.equal(0, script.code, script.printed)
        assert.equal(blocks.settled(script.output or ""), blocks.settled(script.printed))
      end)
    end

    it("has no dead link near it", function()
      assert.same({}, blocks.dead_links(page))
    end)
  end)
end

describe("docs/errors.md", function()
  local text = tree.read "docs/errors.md"

  it("has a piece about every kind, and about no other", function()
    local found = {}
    for kind in text:gmatch "\n### `([%a_]+)`\n" do
      found[kind] = true
    end
    assert.same(sorted(kinds()), sorted(found))
  end)

  it("shows every hint", function()
    local checked = 0
    local rules = tree.read("lua/mic/hints.lua"):match "\nlocal rules = %[%[\n(.-)%]%]\n"
    rules = "\n" .. require("mic.profile.mic").error_hints .. rules
    for rule in rules:gmatch "\n  ([^\n]+)" do
      checked = checked + 1
      local hint = rule:gsub("%%s", "username and password")
      assert.is_truthy(text:find(hint, 1, true), hint)
    end
    assert.is_true(checked > 20)
  end)
end)

describe("docs/architecture.md", function()
  local text = tree.read "docs/architecture.md"

  it("names every file of the Lua side and every part of the core", function()
    for _, path in ipairs(tree.files("lua", "%.lua$")) do
      assert.is_truthy(text:find("`" .. path .. "`", 1, true), path)
    end
    for _, path in ipairs(tree.files("src/core", "%.c$")) do
      local name = path:match "([^/]+)%.c$"
      assert.is_truthy(text:find("`" .. name .. "`", 1, true), path)
    end
  end)

  it("names no file that is not there", function()
    for path in text:gmatch "`(%a+/[%w_/]+%.%a+)`" do
      assert.is_true(pcall(tree.read, path), path)
    end
  end)
end)

describe("every public function of lua/", function()
  --- Those of the table that a file returns, methods, and what a file returns itself.
  local function is_public(name, returned)
    local owner = name:match "^([%w_]+)[.:][%w_]+$"
    return name == returned or owner == returned or owner == "store"
      or owner ~= nil and owner:find "_methods$" ~= nil
  end

  --- Calls `visit` with a public function's name, the comment above it, parameters and body.
  local function each_function(visit)
    for _, path in ipairs(tree.files("lua", "%.lua$")) do
      local text = tree.read(path)
      local returned = text:match "\nreturn ([%w_]+)\n$"
      for at, indent, name, parameters, after in
        text:gmatch "\n()( *)l?o?c?a?l? ?function ([%w_.:]+)%(([^)]*)%)()"
      do
        if is_public(name, returned) then
          local comment, lines = "", text:sub(1, at - 1)
          local last = lines:match "([^\n]*)\n$"
          while last and last:find "^%s*%-%-%-" do
            comment = last .. "\n" .. comment
            lines = lines:sub(1, -#last - 2)
            last = lines:match "([^\n]*)\n$"
          end
          visit(path .. ": " .. name, comment, parameters,
            text:sub(after):match("^(.-\n)" .. indent .. "end"))
        end
      end
    end
  end

  it("has a docstring that names what it takes and returns", function()
    local problems, count = {}, 0
    each_function(function(what, comment, parameters, body)
      count = count + 1
      if not comment:find "%-%-%- [%u`]" then
        problems[#problems + 1] = what .. " has no docstring"
      end
      for parameter in parameters:gmatch "[%w_.]+" do
        local named = comment:find("%-%-%-@param " .. parameter .. "%??%f[%s]")
          or parameter == "..." and comment:find("...", 1, true)
        if not named then
          problems[#problems + 1] = what .. " says nothing about " .. parameter
        end
      end
      if body:find "%f[%w_]return[ \n]+[^e%s]" and not comment:find "%-%-%-@return" then
        problems[#problems + 1] = what .. " does not say what it returns"
      end
    end)
    assert.is_true(count > 50)
    assert(#problems == 0, "\n" .. table.concat(problems, "\n"))
  end)
end)
