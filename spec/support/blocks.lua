--- The code blocks of the documentation: found, run against the sandbox, compared with the output
--- that the page shows.

local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"
local tree = require "spec.support.tree"

local blocks = {}

--- A block without this line is a fragment, and gets what the page says that fragments have.
local REQUIRES = 'require%s*%(?%s*"mic"'
local FRAGMENT = 'local mic = require "mic"; local client = mic.assert(mic.from_env()) '

local quote = shell.quote

--- Reads the fenced blocks of a page. A `text` block is the output of the block before it, unless
--- a heading stands between.
---@param path string
---@return table[] blocks language, text, line, name ("README.md:12"), output
function blocks.read(path)
  local found, open, previous, number = {}, nil, nil, 0
  for line in tree.read(path):gmatch "([^\n]*)\n" do
    number = number + 1
    local language = line:match "^```(%w*)%s*$"
    if open and line == "```" then
      open.text = table.concat(open.lines, "\n") .. "\n"
      if open.language ~= "text" then
        found[#found + 1] = open
        previous = open
      elseif previous then
        previous.output, previous = open.text, nil
      else
        error(open.name .. ": an output without what prints it")
      end
      open = nil
    elseif open then
      open.lines[#open.lines + 1] = line
    elseif language then
      open = { language = language, line = number, name = path .. ":" .. number, lines = {} }
    elseif line:find "^#" then
      previous = nil
    elseif line:find "^%s*```" then
      error(("%s:%d: an unusual fence"):format(path, number))
    end
  end
  assert(not open, path .. ": a block does not end")
  return found
end

--- Those of one language.
---@param path string
---@param language string
---@return table[] blocks
function blocks.of(path, language)
  local chosen = {}
  for _, block in ipairs(blocks.read(path)) do
    if block.language == language then
      chosen[#chosen + 1] = block
    end
  end
  return chosen
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  file:close()
end

--- Runs scripts one after the other against one sandbox, on the interpreter under test. Each gets
--- `printed` (both streams) and `code`, its exit status.
---@param scripts table[] each with `path`, or with `text` and `name`
---@param before? string shell commands to run first, in the same sandbox
---@return table[] scripts the same ones
function blocks.run(scripts, before)
  local scratch_folder = scratch.folder()
  local folder = scratch_folder.path
  --- Keeps credentials out of the developer's home.
  local commands = { ("export XDG_STATE_HOME=%s/state"):format(folder), before or ":" }
  for number, script in ipairs(scripts) do
    local base = ("%s/%d"):format(folder, number)
    local path = script.path
    if not path then
      path = base .. ".lua"
      local needs = script.text:find(REQUIRES) == nil
      write(path, (needs and FRAGMENT or "") .. script.text)
    end
    local run = ("%s %s >%s.out 2>&1; echo $? >%s.code"):format(shell.lua, quote(path), base, base)
    commands[#commands + 1] = run
  end
  write(folder .. "/all", table.concat(commands, "\n") .. "\n")
  shell.run(("sandbox/start -- sh %s/all >%s/start 2>&1 </dev/null"):format(folder, folder))
  for number, script in ipairs(scripts) do
    local base = ("%s/%d"):format(folder, number)
    local ran, code = pcall(tree.read, base .. ".code")
    script.code = ran and tonumber(code) or -1
    script.printed = ran and tree.read(base .. ".out") or tree.read(folder .. "/start")
    script.printed = script.printed:gsub(folder:gsub("%p", "%%%0") .. "/%d+%.lua", "script.lua")
  end
  scratch_folder.remove()
  return scripts
end

--- A page's Lua blocks in order as one program, as pasted one after the other.
---@param path string
---@return table script text, name, and the output that the page shows for all of them
function blocks.pasted(path)
  local texts, outputs = {}, {}
  for index, block in ipairs(blocks.of(path, "lua")) do
    texts[index], outputs[index] = block.text, block.output or ""
  end
  return {
    name = path .. ", its blocks pasted in order",
    text = table.concat(texts),
    output = table.concat(outputs),
  }
end

--- What changes from run to run, in the output as in the page.
local volatile = {
  { "%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x", "ID" },
  { "%d+%.%d+ ms", "N ms" },
  { "localhost:%d+", "localhost:PORT" },
  { "next refresh in about %d+ min", "next refresh in about N min" },
}

--- The text with what changes from run to run replaced.
---@param text string
---@return string
function blocks.settled(text)
  for _, rule in ipairs(volatile) do
    text = text:gsub(rule[1], rule[2])
  end
  return (text:gsub("[ \t]+\n", "\n"))
end

--- ---- shell commands ----

local function succeeds(command)
  return select(2, shell.run(command .. " >/dev/null 2>&1")) == 0
end

--- Checks of the use of a tool, by its name; each returns the problem, nil if there is none.
local tools = {}

function tools.make(arguments)
  local makefile = tree.read "Makefile"
  for name in arguments:gmatch "([%u_]+)=" do
    if not makefile:find("%f[%w_]" .. name .. "%f[^%w_]") then
      return "the Makefile knows no variable " .. name
    end
  end
  if not succeeds("make -n DEPS=no " .. arguments) then
    return "make does not take it"
  end
end

tools["apt-get"] = function(arguments)
  local known = tree.read "tools/deps"
  local packages = arguments:match "^install (.+)$"
  if not packages then
    return "only apt-get install is known"
  end
  for package in packages:gmatch "%S+" do
    -- there the name of the interpreter is a variable: lib$1-dev
    local general = package:gsub("lua5%.%d", "$1")
    if not known:find(package, 1, true) and not known:find(general, 1, true) then
      return "tools/deps knows no package " .. package
    end
  end
end

function tools.luarocks(arguments)
  arguments = arguments:gsub("%-%-[%w-]+=%S+ ", "")
  if arguments == "install lua-mic-*.src.rock" -- of make rock
    or arguments:find "^config rocks_provided%.lua%-cjson [%d.-]+$" then
    return
  end
  local rockspec = arguments:match "^make (%S+%.rockspec)$"
  if not rockspec or not succeeds("test -f " .. quote(rockspec)) then
    return "luarocks make takes a rockspec that is there"
  end
end

function tools.busted(arguments)
  if not succeeds("test -f " .. quote(arguments)) then
    return "there is no such spec"
  end
end

--- It is run with another target.
function tools.install(arguments)
  local target = os.tmpname()
  local ok = succeeds("install " .. arguments:gsub("%S+$", quote(target)))
  os.remove(target)
  if not ok then
    return "install does not take it"
  end
end

--- They are run by command_docs_spec.
function tools.mic()
  return nil
end

--- Why a shell command of a page would not work; nil if no problem is known.
---@param command string one line
---@return string|nil problem
function blocks.problem_with(command)
  local name, arguments = command:match "^(%S+)%s*(.*)$"
  if not tools[name] then
    return "no spec knows how to check " .. tostring(name)
  end
  local script = arguments:match '"lua (%S+)"'
  if script and script ~= "my.lua" and not succeeds("test -f " .. quote(script)) then
    return "there is no " .. script
  end
  return tools[name](arguments)
end

--- ---- links ----

--- The relative links of a page that lead nowhere.
---@param path string
---@return string[] links
function blocks.dead_links(path)
  local dead = {}
  local folder = path:match "^(.*/)" or ""
  for link in tree.read(path):gmatch "%]%(([^)]+)%)" do
    local file, anchor = link:match "^([^#]*)#?(.*)$"
    local target = file == "" and path or folder .. file
    if not link:find "^%a+://" then
      local there = succeeds("test -e " .. quote(target))
      if there and anchor ~= "" then
        there = false
        for heading in tree.read(target):gmatch "\n#+ ([^\n]+)" do
          local slug = heading:lower():gsub("[^%w _-]", ""):gsub(" ", "-")
          there = there or slug == anchor
        end
      end
      dead[#dead + 1] = not there and link or nil
    end
  end
  return dead
end

return blocks
