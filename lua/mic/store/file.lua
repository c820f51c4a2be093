--- File store: keeps records across processes. Each key has a record file and a lock file next to
--- `path`; the core writes them atomically and keeps them private.

local core = require "mic.core"
local errors = require "mic.error"
local leased = require "mic.store.leased"
local options = require "mic.options"

local spec = {
  aliases = { file = "path", filename = "path", name = "path", dir = "path", folder = "path" },
  way = '{ path = … }',
  fields = { path = "string: a file name" },
}

--- Returns the folder in a variable, without trailing slashes. A relative path is ignored, as XDG
--- demands; of systemd's list the first folder counts.
local function folder_of(variable)
  local value = os.getenv(variable) or ""
  local first = variable == "STATE_DIRECTORY" and value:match "^[^:]*" or value
  return first:sub(1, 1) == "/" and first:gsub("/+$", "") or nil
end

--- Default path, in the state folder: tokens are machine-local state, not configuration (config)
--- or data worth a backup (data).
local function default_path()
  local state = folder_of "XDG_STATE_HOME" or folder_of "STATE_DIRECTORY"
  local home = not state and folder_of "HOME"
  state = state or home and home .. "/.local/state"
  if state then
    return state .. "/lua-mic/credentials"
  end
  return nil,
    errors.new(
      "store",
      "there is no path for the credentials: HOME is not set; set the path of mic.store.file"
    )
end

local function find_path(given)
  if not given then
    return default_path()
  end
  if given:sub(-1) == "/" then
    given = given .. "credentials"
  end
  local path, kind, code, message = core.absolute_path(given)
  if not path then
    return nil, errors.from_fail(kind, code, message)
  end
  return path
end

--- Hints by error code, for the default path.
local HINT = "the path comes from the environment; mic.store.file { path = … } sets another"
local default_hints = { EACCES = HINT, EROFS = HINT, ENOENT = HINT, ENOTDIR = HINT }

--- Returns the core's results, a failure as an error object.
local function outcome(hints, value, kind, code, message, hint)
  if kind then
    return nil, errors.from_fail(kind, code, message, { hint = hint or hints[code or ""] })
  end
  return value
end

--- Returns the record object of what `save` was given.
local function to_record(record)
  if type(record) ~= "string" then
    return record
  end
  return outcome({}, core.record(record))
end

--- Makes a file store. Opens no file until it is used; its functions never wait. Any number of
--- processes may use the same path, and any number of clients one store. A lock also ends with its
--- process. A saved record stays until it is cleared.
---@param given? { path?: string } `path`: base name of the files; the folder is created if missing.
--- With a trailing slash it is a folder. A relative path is resolved against the current folder.
--- Default: lua-mic/credentials in XDG_STATE_HOME, systemd's STATE_DIRECTORY or ~/.local/state
---@return table store with `load`, `save`, `lock`, `unlock`
local function file(given)
  local checked = options.check(given, spec, "mic.store.file")
  local path, problem = find_path(checked.path)
  local hints = not checked.path and default_hints or {}
  local files = setmetatable({}, { __mode = "v" }) -- by key
  local primitives =
    { shown = path or "no path", problem = problem, now = core.now, encode = to_record }

  local function open(key)
    local opened = files[key] or core.credential_file(path, key)
    files[key] = opened
    return opened
  end

  --- A damaged record is moved aside.
  function primitives.load(key)
    local record, kind, code, message, hint = open(key):load()
    if kind == "damaged" then
      return nil, nil, errors.new("store", message)
    end
    return outcome(hints, record, kind, code, message, hint)
  end

  function primitives.save(key, record)
    return outcome(hints, open(key):save(record))
  end

  function primitives.take(key, seconds)
    local opened = open(key)
    local inner, err = outcome(hints, opened:lock())
    if not inner then
      return inner, err
    end
    return { file = opened, inner = inner, ends = core.now() + seconds }
  end

  function primitives.release(_, _, lease)
    return lease ~= nil and lease.file:unlock(lease.inner)
  end

  return leased.new("mic.store.file", primitives)
end

return file
