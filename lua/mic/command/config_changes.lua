--- Changes of the configuration file: comments and other profiles stay as they are.

local config = require "mic.command.config"
local errors = require "mic.error"

local config_changes = {}

local function header_of(name)
  return name == "default" and "[default]" or ("[profile %s]"):format(name)
end

--- Returns the lines of a section's text with other values: a line of a key that is kept is changed
--- in place, others are added at the end.
local function change_section(lines, values)
  local seen, kept = {}, {}
  for _, line in ipairs(lines) do
    local key = line:match "^%s*([%w_-]+)%s*="
    if not key or not config.keys[key] then
      kept[#kept + 1] = line
    elseif values[key] then
      seen[key] = true
      kept[#kept + 1] = ("%s = %s"):format(key, values[key])
    end
  end
  local blank = 0
  while #kept > 0 and kept[#kept]:find "^%s*$" do
    kept[#kept] = nil
    blank = blank + 1
  end
  for _, key in ipairs(config.order) do
    if values[key] and not seen[key] then
      kept[#kept + 1] = ("%s = %s"):format(key, values[key])
      seen[key] = true
    end
  end
  for _ = 1, blank do
    kept[#kept + 1] = ""
  end
  return kept
end

--- Splits the text into the lines before the first section and those of each section.
local function split(text)
  local parts = { { lines = {} } }
  for line in (text:gsub("\n$", "") .. "\n"):gmatch "(.-)\n" do
    local name = line:find "^%s*%[" and config.section_name(line:match "^%s*(.-)%s*$")
    if name then
      parts[#parts + 1] = { name = name, header = line, lines = {} }
    else
      table.insert(parts[#parts].lines, line)
    end
  end
  if text == "" then
    parts[1].lines = {}
  end
  return parts
end

local function join(parts)
  local lines = {}
  for _, part in ipairs(parts) do
    lines[#lines + 1] = part.header
    for _, line in ipairs(part.lines) do
      lines[#lines + 1] = line
    end
  end
  return (table.concat(lines, "\n"):gsub("^\n+", ""):gsub("\n*$", "\n"))
end

local function write(made, parts)
  if made.path == "/dev/null" then
    return nil,
      errors.new("file", "cannot write the configuration file: MIC_CONFIG or --config is /dev/null")
  end
  local text = join(parts)
  local checked, err = config.parse(made.path, text)
  if not checked then
    return nil, err
  end
  local ok, problem = require("mic.terminal").write_private(made.path, text)
  if not ok then
    return nil, errors.new("file", ("%s cannot be written: %s"):format(config.shown(made.path),
      problem))
  end
  return true
end

local function no_path(made)
  if not made.path then
    return errors.new("file",
      "no path for the configuration file: HOME is not set; use --config FILE")
  end
end

--- Writes a profile; comments and the other profiles stay as they are.
---@param made table of `read`
---@param name string
---@param values table by key; keys that are not in it are removed
---@return true|nil ok
---@return table|nil err
function config_changes.save(made, name, values)
  local err = no_path(made)
  if err then
    return nil, err
  end
  local parts = split(made.text)
  for _, part in ipairs(parts) do
    if part.name == name then
      part.lines = change_section(part.lines, values)
      return write(made, parts)
    end
  end
  local last = parts[#parts]
  if #parts > 1 or #last.lines > 0 then
    last.lines[#last.lines + 1] = ""
  end
  parts[#parts + 1] = { name = name, header = header_of(name), lines = change_section({}, values) }
  return write(made, parts)
end

--- Removes a profile.
---@param made table of `read`
---@param name string
---@return true|nil ok
---@return table|nil err
function config_changes.remove(made, name)
  local parts, kept = split(made.text), {}
  for _, part in ipairs(parts) do
    if part.name ~= name then
      kept[#kept + 1] = part
    end
  end
  if made.default_profile == name then
    for index, line in ipairs(kept[1].lines) do
      if line:find "^%s*default_profile%s*=" then
        table.remove(kept[1].lines, index)
        break
      end
    end
  end
  return write(made, kept)
end

--- Makes a profile the default one.
---@param made table of `read`
---@param name string
---@return true|nil ok
---@return table|nil err
function config_changes.use(made, name)
  local parts = split(made.text)
  local line = "default_profile = " .. name
  local first = parts[1].lines
  for index, present in ipairs(first) do
    if present:find "^%s*default_profile%s*=" then
      first[index] = line
      return write(made, parts)
    end
  end
  table.insert(first, 1, line)
  if #first == 1 then
    first[2] = ""
  end
  return write(made, parts)
end

return config_changes
