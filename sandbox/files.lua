--- Files. Initial ones are generated when they are read; uploaded ones are in the sandbox's folder.
local collection = require "sandbox.collection"
local state = require "sandbox.state"

local files = collection.new("files", "Key")

local DAYS = 28
local TEXT, CSV, SVG = "text/plain", "text/csv", "image/svg+xml"
local PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8">'
  .. '<rect width="8" height="8"/></svg>\n'

-- Key to content type and bytes. Folders say whose a file is: public/, things/NAME/,
-- thingtypes/ID/; what lies in no folder is on root.
local FIRST = {
  ["public/logo.svg"] = { SVG, PICTURE },
  ["public/terms.txt"] = { TEXT, "Be kind.\n" },
  ["public/m\195\165leplan 2020.csv"] = { CSV, "day;place\n1;Oslo\n" },
  ["backup.json"] = { "application/json", '{"things":[]}\n' },
  ["report"] = { "application/octet-stream", ("0123456789abcdef"):rep(256 * 1024) }, -- 4 MiB
  ["things/00001570/manual.txt"] = { TEXT, "Mount it on the roof.\n" },
  ["things/00001570/photo.svg"] = { SVG, PICTURE },
  ["things/00001571/manual.txt"] = { TEXT, "Mount it at the quay.\n" },
  ["thingtypes/191/icon.svg"] = { SVG, PICTURE },
  ["thingtypes/191/datasheet.txt"] = { TEXT, "-40 to 60 C, 0 to 60 m/s\n" },
}
for day = 1, DAYS do
  local name = string.format("public/days/2020-02-%02d.csv", day)
  FIRST[name] = { CSV, string.format("hour;temperature\n12;%d\n", day % 9) }
end

local function entry(key, content_type, bytes, time)
  return {
    Key = key, Size = #bytes, ETag = '"' .. ngx.md5(bytes) .. '"', content_type = content_type,
    LastModified = os.date("!%Y-%m-%dT%H:%M:%S.000Z", time),
  }
end

local first = {}
for key, file in pairs(FIRST) do
  first[#first + 1] = entry(key, file[1], file[2], 1606219200)
end

-- Where the bytes of an upload lie: a number is a safe name for any key.
local function path_of(number)
  return ngx.config.prefix() .. "upload." .. number
end

local function forget(file)
  if file and file.upload then
    os.remove(path_of(file.upload))
  end
end

---@param file table
---@return string bytes
function files.read(file)
  if not file.upload then
    return FIRST[file.Key][2]
  end
  local handle = assert(io.open(path_of(file.upload), "rb"))
  local bytes = handle:read "*a"
  handle:close()
  return bytes
end

--- Keeps a file; one with the same key is replaced.
---@param key string
---@param content_type string
---@param bytes string
---@return table file
function files.write(key, content_type, bytes)
  forget(files:find(key))
  local file = entry(key, content_type, bytes, state.time())
  file.upload = ngx.shared.state:incr("uploads", 1, 0)
  local handle = assert(io.open(path_of(file.upload), "wb"))
  assert(handle:write(bytes))
  assert(handle:close())
  files:save(file)
  return file
end

---@param file table
function files.delete(file)
  forget(file)
  files:remove(file.Key)
end

--- Restores the initial ones.
function files.restore()
  for _, file in ipairs(files:all()) do
    forget(file)
  end
  files:reset(first)
end

return files
