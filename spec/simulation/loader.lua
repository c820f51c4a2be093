--- Loads the library for each process, so that modules have their own state, as in real processes.

local loader = {}

local sources = {} -- by module: what stands in its file, and the file's name

local function find(name)
  local as_path = name:gsub("%.", "/")
  for template in package.path:gmatch "[^;]+" do
    local path = template:gsub("%?", as_path)
    local file = io.open(path, "rb")
    if file then
      local text = file:read "*a"
      file:close()
      return { text = text, path = path }
    end
  end
  error("module " .. name .. " was not found", 0)
end

local function compile(source, environment)
  local name = "@" .. source.path
  if rawget(_G, "setfenv") then
    local chunk = assert(rawget(_G, "loadstring")(source.text, name))
    return rawget(_G, "setfenv")(chunk, environment)
  end
  return assert(load(source.text, name, "t", environment)) -- luacheck: ignore
end

--- Makes a `require` whose modules of the library are new ones.
---@param core table what `require "mic.core"` gives
---@return fun(name: string): any require
function loader.new(core)
  local loaded = { ["mic.core"] = core }
  local environment = setmetatable({}, { __index = _G })

  function environment.require(name)
    if name ~= "mic" and name:sub(1, 4) ~= "mic." then
      return require(name)
    end
    local module = loaded[name]
    if module == nil then
      sources[name] = sources[name] or find(name)
      module = compile(sources[name], environment)(name)
      loaded[name] = module == nil and true or module
    end
    return loaded[name]
  end

  return environment.require
end

return loader
