--- A project of a user: the files that a page of docs/ shows, in a folder of its own, and commands
--- run in it with the command `mic` and the module under test. Nothing of the tree is in its path.

local blocks = require "spec.support.blocks"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local project = {}
local project_methods = {}
local project_mt = { __index = project_methods }

--- The name of the file that a block shows, in the comment of its first line.
---@param block table of `blocks.read`
---@return string? name
function project.file_of(block)
  return block.text:gsub("^#![^\n]*\n", ""):match "^%-?%-?#? ([%w_./]+%.[%w_.]+)%f[:\n]"
end

local MIC = [[
#!/bin/sh
exec "%s" "%s/bin/mic" "$@"
]]

--- Whichever interpreter the page names, it is this one.
local BUSTED = [[
#!/bin/sh
case $1 in --lua=*) shift ;; esac
exec "%s" "$(PATH=/usr/local/bin:/usr/bin command -v busted)" "$@"
]]

--- Writes the files of a page.
---@param page string path
---@param lua? string the interpreter; that under test by default
---@param settle? fun(text: string): string what is changed in the texts
---@return table project
function project.of(page, lua, settle)
  lua = lua or shell.lua
  local folder = scratch.folder()
  local root = shell.folder()
  local self = setmetatable({ folder = folder, root = root }, project_mt)
  self.path = folder:at "project"
  self.cpath = shell.build:find "^/" and shell.build or root .. "/" .. shell.build
  self.cpath = lua == shell.lua and self.cpath or root .. "/build/" .. lua
  shell.check(("cd %s && mkdir bin home project project/spec"):format(folder.path))
  folder:write("bin/mic", MIC:format(lua, root))
  folder:write("bin/busted", BUSTED:format(lua))
  shell.check(('cd %s/bin && chmod +x mic busted && for name in lua lua5.4; do '
    .. 'ln -s "$(command -v %s)" $name; done'):format(folder.path, lua))
  for _, block in ipairs(blocks.read(page)) do
    local name = project.file_of(block)
    if name and not name:find "yml$" then
      folder:write("project/" .. name, settle and settle(block.text) or block.text)
    end
  end
  return self
end

--- Runs commands as a user in the project's folder would.
---@param text string
---@return string printed both streams
---@return integer status
function project_methods:run(text)
  local script = self.folder:write("commands", text)
  local command = [[
    cd FOLDER/project && exec env -u XDG_STATE_HOME -u XDG_CONFIG_HOME HOME=FOLDER/home \
      TMPDIR=FOLDER/home PATH="FOLDER/bin:$PATH" LUA_PATH='ROOT/lua/?.lua;;' \
      LUA_CPATH='BUILD/?.so;;' sh SCRIPT </dev/null 2>&1]]
  return shell.run((command:gsub("%u+", {
    FOLDER = self.folder.path, ROOT = self.root, BUILD = self.cpath, SCRIPT = script,
  })))
end

return project
