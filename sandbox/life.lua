--- Life cycle: the settings of this start, the "ready" file, and the watch that ends the sandbox
--- when its user has ended.
local ffi = require "ffi"
local files = require "sandbox.files"
local log = require "sandbox.log"
local many_observations = require "sandbox.many_observations"
local random = require "sandbox.random"
local state = require "sandbox.state"
local thing_types = require "sandbox.thing_types"
local things = require "sandbox.things"
local tokens = require "sandbox.tokens"
local users = require "sandbox.users"

ffi.cdef [[
struct sandbox_pollfd { int fd; short events; short revents; };
int getpid(void);
int getppid(void);
int kill(int pid, int signal);
int poll(struct sandbox_pollfd *fds, unsigned long count, int milliseconds);
long read(int fd, void *buffer, size_t size);
int setsid(void);
]]

local life = {}

local SIGTERM, POLLIN = 15, 1
local WATCH_SECONDS = 0.1
local STACK = "sandbox.mic.example"

local function folder()
  return (ngx.config.prefix():gsub("/+$", ""))
end

local function environment(settings)
  return table.concat({
    "MIC_BASE_URL=" .. settings.root .. "/prod",
    "MIC_API_KEY=" .. settings.api_key,
    "MIC_USERNAME=demo",
    "MIC_PASSWORD=" .. settings.password,
    "MIC_CA_FILE=" .. folder() .. "/ca.pem",
    "MIC_SANDBOX_CONTROL=" .. settings.control,
    "MIC_SANDBOX_STACK=" .. settings.stack,
    "MIC_MANIFEST_URL=" .. settings.root .. "/discovery/manifest/",
  }, "\n") .. "\n"
end

-- Complete or absent: `start` takes its appearance for readiness.
local function announce(settings)
  local path = folder() .. "/environment"
  local file = assert(io.open(path .. ".new", "w"))
  assert(file:write(environment(settings)))
  assert(file:close())
  assert(os.rename(path .. ".new", path))
end

-- Whether the other end of standard input is gone. Its input is discarded.
local function input_closed()
  local fds = ffi.new("struct sandbox_pollfd[1]", { { fd = 0, events = POLLIN } })
  if ffi.C.poll(fds, 1, 0) <= 0 then
    return false
  end
  return ffi.C.read(0, ffi.new "char[4096]", 4096) <= 0
end

--- Ends the sandbox soon; the answer under way still leaves.
function life.stop()
  ffi.C.kill(ffi.C.getpid(), SIGTERM)
end

local function watch(premature, options)
  if premature then
    return
  end
  -- The parent is asked for by number: `start` may be killed before it can stop us.
  if ffi.C.getppid() ~= options.parent or (options.watch_stdin and input_closed()) then
    life.stop()
  end
end

--- Resets everything but ports, key and password.
function life.reset()
  state.reset()
  users.reset()
  tokens.reset()
  log.reset()
  many_observations.reset()
  thing_types.restore()
  things.restore()
  files.restore()
end

---@param options table parent, watch_stdin, port, control_port
function life.start(options)
  ffi.C.setsid() -- the signals of a terminal are for `start` and its command
  local settings = {
    root = "https://localhost:" .. options.port, host = "localhost:" .. options.port,
    control = "http://127.0.0.1:" .. options.control_port,
    control_host = "127.0.0.1:" .. options.control_port, stack = STACK,
    api_key = random.alphanumeric(40), password = random.alphanumeric(20),
  }
  state.keep_settings(settings)
  life.reset()
  assert(ngx.timer.every(WATCH_SECONDS, watch, options))
  -- From a timer, so that the event loop is known to run.
  assert(ngx.timer.at(0, function(premature)
    if not premature then
      announce(settings)
    end
  end))
end

--- Removes the folder. `start` does so too, but may be dead.
function life.clean()
  local path = folder()
  if path:find "/mic%-sandbox%.%w+$" then -- only what `start` has made
    os.execute("rm -rf '" .. path:gsub("'", "'\\''") .. "'")
  end
end

return life
