--- File store: keeps records across processes. Each key has a record file and a lock file next to
--- `path`; the core writes them atomically and keeps them private.

local arguments = require "mic.store.arguments"
local core = require "mic.core"
local errors = require "mic.error"
local options = require "mic.options"

local check_key, check_seconds = arguments.check_key, arguments.check_seconds

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
      "there is no path for the credentials: HOME is not set; give mic.store.file a path"
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
local OTHER = "the place follows from the environment; mic.store.file { path = … } names another"
local FOUND = { EACCES = OTHER, EROFS = OTHER, ENOENT = OTHER, ENOTDIR = OTHER }

--- Returns the core's results, a failure as an error object.
local function outcome(advice, value, kind, code, message, hint)
  if kind then
    return nil, errors.from_fail(kind, code, message, { hint = hint or advice[code or ""] })
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

--- Makes a file store. Opens no file until it is used; its functions never wait and are called with
--- a dot. Any number of processes may use the same path, and any number of clients one store.
---@param given? { path?: string } `path`: base name of the files; the folder is created if missing.
--- With a trailing slash it is a folder. A relative path is resolved against the current folder.
--- Default: lua-mic/credentials in XDG_STATE_HOME, systemd's STATE_DIRECTORY or ~/.local/state
---@return table store with `load`, `save`, `lock`, `unlock`
local function file(given)
  local checked = options.check(given, spec, "mic.store.file")
  local path, problem = find_path(checked.path)
  local advice = not checked.path and FOUND or {}
  local store = {}
  local files = setmetatable({}, { __mode = "v" }) -- by key
  local held = {} -- by key: file, its own token, ours, ends, owner
  local last_token = 0

  --- Returns the files of a key. A lock of ours that has expired is released.
  local function open(key)
    local mine = held[key]
    if mine and core.now() >= mine.ends then
      mine.file:unlock(mine.inner)
      held[key] = nil
    end
    if not files[key] then
      files[key] = core.credential_file(path, key)
    end
    return files[key]
  end

  --- Returns the saved record. A damaged one is moved aside.
  ---@param key string
  ---@return table|nil record nil if there is none or it is damaged
  ---@return table|nil err of kind `store`
  ---@return table|nil damage of kind `store`, for a damaged record
  function store.load(key)
    check_key(key, "load")
    if not path then
      return nil, problem
    end
    local record, kind, code, message, hint = open(key):load()
    if kind == "damaged" then
      return nil, nil, errors.new("store", message)
    end
    return outcome(advice, record, kind, code, message, hint)
  end

  --- Saves a record durably, or clears it. Refused while another holder has the lock.
  ---@param key string
  ---@param record table|string|nil a record object or its bytes; nil clears
  ---@param ttl? number seconds after which it may expire; this store keeps it until it is cleared
  ---@return true|nil ok
  ---@return table|nil err of kind `store`
  function store.save(key, record, ttl)
    check_key(key, "save")
    if ttl ~= nil then
      check_seconds(ttl, "save", "ttl")
    end
    if not path then
      return nil, problem
    end
    local to_save, err = to_record(record)
    if err then
      return nil, err
    end
    return outcome(advice, open(key):save(to_save))
  end

  --- Takes the lock of a key. The lock ends with `unlock`, with this process, and within this
  --- process after `seconds`.
  ---@param key string
  ---@param seconds number
  ---@param owner? any the caller: gets the lock again if an error kept the token from arriving
  ---@return any token for `unlock`; false if another holder has the lock
  ---@return table|nil err of kind `store`
  function store.lock(key, seconds, owner)
    check_key(key, "lock")
    check_seconds(seconds, "lock", "the second argument")
    if not path then
      return nil, problem
    end
    local opened = open(key)
    local mine = held[key]
    if mine and owner ~= nil and mine.owner == owner then
      mine.file:unlock(mine.inner)
      held[key] = nil
    end
    local inner, err = outcome(advice, opened:lock())
    if not inner then
      return inner, err
    end
    last_token = last_token + 1
    held[key] = {
      file = opened,
      inner = inner,
      token = last_token,
      ends = core.now() + seconds,
      owner = owner,
    }
    return last_token
  end

  --- Releases the lock if the caller still holds it.
  ---@param key string
  ---@param token any what `lock` returned
  ---@return boolean ours false if the caller no longer holds it
  function store.unlock(key, token)
    check_key(key, "unlock")
    local mine = held[key]
    if not path or not mine or mine.token ~= token then
      return false
    end
    held[key] = nil
    return mine.file:unlock(mine.inner)
  end

  return setmetatable(store, {
    __name = "mic.store.file",
    problem = problem, -- known before the first use
    __tostring = function()
      return ("mic.store.file (%s)"):format(path or "no path")
    end,
  })
end

return file
