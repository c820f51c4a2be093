--- Debug channel: one line for each attempt, login, refresh, pause and event of the store, built
--- from events. What the levels `headers` and `bodies` add comes masked from the core, and no other
--- listener gets it.

local auto = require "mic.transport.auto"
local core = require "mic.core"
local errors = require "mic.error"
local events = require "mic.events"
local json = require "mic.json"
local pcall_compat = require "mic.pcall_compat"

local channel = {}

local ngx = rawget(_G, "ngx")

local LINE_LIMIT = 2000 -- bytes; nginx cuts its log at 2,048
local PIECE = 1500 -- bytes of a body on one line
local LONG = 3600 -- seconds
local DAY = 86400

--- Seconds after which a request that has no answer is mentioned.
channel.patience = 5

local levels = { [true] = "lines", [1] = "lines", headers = "headers", bodies = "bodies" }
local switches = { ["1"] = "lines", headers = "headers", bodies = "bodies" }
local off = { ["0"] = true, ["false"] = true }

--- Transcripts by event, until it is shown.
local transcripts = setmetatable({}, { __mode = "k" })

local said = {} -- notes that were shown

--- ---- where lines go ----

local file = core.environment "MIC_DEBUG_FILE"

local function show_here(line, level)
  if auto.is_in_nginx() then
    ngx.log(level or ngx.NOTICE, line)
  else
    io.stderr:write(line .. "\n")
  end
end

--- Shows a note once.
local function note(text, level)
  if not said[text] then
    said[text] = true
    show_here("mic: " .. text, level or ngx and ngx.WARN)
  end
end

--- True if nginx drops debug lines here: its default level is `error`. The level is that of the
--- request. It is asked for when a line is written, because `init_by_lua` may see another one.
local function is_dropped()
  local ok, errlog = pcall(require, "ngx.errlog")
  return ok and errlog.get_sys_filter_level() < ngx.NOTICE
end

local function write(line)
  if not file then
    if auto.is_in_nginx() and is_dropped() then
      return note("debug lines need error_log with the level notice, info or debug", ngx.ERR)
    end
    return show_here(line)
  end
  local ok, _, code, message = core.append_line(file, line .. "\n")
  if not ok then
    note(("MIC_DEBUG_FILE cannot be written: %s (%s)"):format(message, code))
    show_here(line)
  end
end

--- Characters of the general punctuation that change the direction of a text or end a line.
local function show_punctuation(first, second)
  local code = 0x2000 + (first:byte() - 128) * 64 + second:byte() - 128
  local acts = code == 0x200E or code == 0x200F or (code >= 0x2028 and code <= 0x202E)
    or (code >= 0x2066 and code <= 0x206F)
  return acts and ("\\u%04x"):format(code) or nil
end

--- Makes every byte visible that a terminal or a log might act on.
local function escape(text)
  local invalid = core.utf8_problem(text)
  while invalid do
    local shown = ("\\x%02x"):format(text:byte(invalid))
    text = text:sub(1, invalid - 1) .. shown .. text:sub(invalid + 1)
    invalid = core.utf8_problem(text)
  end
  text = text:gsub("[%z\1-\31\127]", function(byte)
    return ("\\x%02x"):format(byte:byte())
  end)
  if text:find "[\194\216\226\239]" then
    text = text:gsub("\194([\128-\159])", function(byte)
      return ("\\u%04x"):format(byte:byte())
    end)
    text = text:gsub("\226([\128\129])([\128-\191])", show_punctuation)
    text = text:gsub("\216\156", "\\u061c"):gsub("\239\187\191", "\\ufeff")
  end
  return text
end

--- Cuts a text between two characters.
local function cut(text, limit)
  if #text <= limit then
    return text
  end
  local last = limit
  while last > limit - 4 and (text:byte(last + 1) or 0) >= 128 and text:byte(last + 1) < 192 do
    last = last - 1
  end
  return text:sub(1, last), text:sub(last + 1)
end

--- ---- texts ----

local function duration(seconds)
  return seconds < 1 and ("%.1fms"):format(seconds * 1000) or ("%.1fs"):format(seconds)
end

local function size(bytes)
  if bytes < 1000 then
    return ("%dB"):format(bytes)
  end
  local unit, scale = "kB", 1000
  if bytes >= 999950 then
    unit, scale = "MB", 1e6
  end
  return ("%.1f%s"):format(bytes / scale, unit)
end

local function clock(seconds, format)
  local far = math.abs(seconds - core.wall()) > DAY and "%Y-%m-%d " or ""
  return os.date(far .. format, math.floor(seconds))
end

local function prefix(event)
  local now = core.wall()
  local whole = math.floor(now)
  local text = ("mic %s.%03d"):format(os.date("%H:%M:%S", whole), math.floor((now - whole) * 1000))
  if event.call then
    local attempt = event.attempt and event.attempt > 1 and "." .. ("%d"):format(event.attempt)
    text = ("%s #%d%s"):format(text, event.call, attempt or "")
  end
  return text .. " "
end

local function query_member(name, value)
  return core.names_secret(name) and value ~= "" and name .. "=***" or nil
end

--- The query without the values of members such as `token`, and of a signed link.
local function target(event)
  local query = event.query and event.query:gsub("([^&=]+)=([^&]*)", query_member)
  return event.method .. " " .. event.path .. (query and "?" .. query or "")
end

local function reason(err)
  local code = err.code and (" (%s)"):format(err.code) or ""
  return ("%s: %s%s"):format(err.kind, err.message, code) -- without method and path
end

local no_answer = { network = true, timeout = true, tls = true, cancelled = true, closed = true }

--- What became of an attempt. `again`: seconds until the next one.
local function outcome(what, event, again)
  local text = what
  local next_one = again and (", again in %.2fs"):format(again) or ""
  if not event.status then
    local how = no_answer[event.err.kind] and "no answer" or "failed"
    return ("%s %s after %s: %s%s"):format(
      text, how, duration(event.seconds), reason(event.err), next_one
    )
  end
  text = ("%s %d %s"):format(text, event.status, duration(event.seconds))
  if event.status >= 200 and event.status < 300 then
    text = text .. (event.bytes and " " .. size(event.bytes) or "")
      .. (event.http_version and " h" .. event.http_version or "")
    return text .. (event.new_connection and " new" or "")
  end
  if event.reason then
    return text .. " " .. event.reason
  end
  text = text .. next_one
  return text .. (event.request_id and (" (request %s)"):format(event.request_id) or "")
end

--- ---- lines ----

local channel_methods = {}
local channel_mt = { __name = "mic.debug", __index = channel_methods }

--- Shows a line: in one write, with the client's secrets masked once more.
local function say(self, event, text)
  if not self.client.closed then -- a closed client has masked the event as a whole
    text = self.client.mask(text)
  end
  local line = cut(escape(prefix(event) .. cut(text, LINE_LIMIT)), LINE_LIMIT)
  if self.sink then
    pcall_compat.user(self.sink, line)
  else
    write(line)
  end
end

local function say_head(self, event, mark, head)
  for line in (head or ""):gmatch "[^\n]+" do
    say(self, event, mark .. line)
  end
end

local function say_body(self, event, mark, body)
  while body and body ~= "" do
    local piece
    piece, body = cut(body, PIECE)
    say(self, event, mark .. piece)
  end
end

local function say_transcript(self, event)
  local texts = transcripts[event]
  transcripts[event] = nil
  if texts then
    say_head(self, event, "> ", texts.sent_head)
    say_body(self, event, "> ", texts.sent_body)
    say_head(self, event, "< ", texts.head)
    say_body(self, event, "< ", texts.body)
  end
end

--- Shows the response that was held back, if any, and returns its event.
local function release(self, call, again)
  local held = self.held[call]
  if held then
    self.held[call] = nil
    say(self, held, outcome(target(held), held, again))
  end
  return held
end

--- Events are shown by their type.
local shows = {}

function shows.request(self, event)
  release(self, event.call)
end

local may_be_repeated = { [429] = true, [500] = true, [502] = true, [503] = true, [504] = true }

--- A response is held back until it is known whether the request is sent again: `retry` is the next
--- event of its call, or none. That of a login or refresh is shown with its end.
function shows.response(self, event)
  release(self, event.call)
  say_transcript(self, event)
  local repeats = not event.status or may_be_repeated[event.status]
  if event.call and (repeats or self.login_paths[event.path]) then
    self.held[event.call] = event
  else
    say(self, event, outcome(target(event), event))
  end
end

function shows.retry(self, event)
  release(self, event.call, event.delay)
end

local function show_end(self, event)
  local held, text = event.call and self.held[event.call], event.type
  if held then
    self.held[event.call] = nil
  end
  if held and (held.status) then
    text = ("%s %d %s"):format(text, held.status, duration(held.seconds))
  elseif held then
    return say(self, held, outcome(text, held))
  end
  if event.err then
    text = text .. ": " .. tostring(event.err)
  end
  if event.expires then
    text = text .. ", token until " .. clock(event.expires, "%H:%M:%S")
  end
  if event.next_refresh then
    text = text .. ", next about " .. clock(event.next_refresh, "%H:%M")
  end
  say(self, held or event, text)
end

shows.login, shows.refresh = show_end, show_end

function shows.pause(self, event)
  local told = release(self, event.call)
  local text = ("pause: next login or refresh in %.1fs at the earliest"):format(event.delay)
  say(self, event, text .. (event.err and not told and ": " .. reason(event.err) or ""))
end

function shows.store(self, event)
  say(self, event, "store: " .. (event.err and tostring(event.err) or event.reason))
end

--- Shows an event.
---@param event table
function channel_methods:show(event)
  local show = shows[event.type]
  if show then
    show(self, event)
  end
end

--- Shows a request of the discovery, which has no events.
---@param path string
---@param sent string path and query
---@param seconds number
---@param ... any status or reply, body, and packed answer as of the core client's `call`, then the
--- error
function channel_methods:discovered(path, sent, seconds, ...)
  local status, body, packed, err = ...
  local event = { type = "response", call = events.next_call(), method = "GET", path = path,
    query = sent:match "%?(.*)", seconds = events.rounded(seconds), err = err }
  if status and packed then
    local _
    event.status, event.bytes = status, #body
    _, _, event.http_version, event.new_connection = core.unpack_answer(packed)
  elseif status then
    event.status = status.status
    event.request_id = err.request_id
  end
  say(self, event, outcome(target(event), event))
end

--- Shows a line that is no event's, where the others are shown.
---@param line string begins with "mic: "
function channel_methods:tell(line)
  if self.sink then
    pcall_compat.user(self.sink, line)
  elseif file then
    write(line)
  else
    show_here(line, ngx and ngx.ERR)
  end
end

--- Ends a call: shows what was held back.
---@param call table of `build`
---@param ... any
---@return any ... the same
function channel_methods:ended(call, ...)
  release(self, call.call)
  return ...
end

--- Keeps the transcript of an exchange until its event is shown.
---@param event table
---@param exchange table|nil of the core, whose result was read
---@param mask fun(text: string): string of the client: the exchange may be of a client that does
--- not know all of its secrets
function channel_methods:keep(event, exchange, mask)
  if not self.transcripts or not exchange then
    return
  end
  local texts, read = {}, { exchange:transcript() }
  for index, name in ipairs { "sent_head", "sent_body", "head", "body" } do
    texts[name] = read[index] and mask(read[index]) or nil
  end
  transcripts[event] = texts
end

--- Returns a function that transports call while they wait for the answer to a request.
---@param event table of the request
---@param flight? table the transaction that sends it: its events are numbered at its end, unless
--- their number is needed earlier
---@return fun(): number tick returns the seconds until it should be called again
function channel_methods:watch(event, flight)
  if flight then
    flight.call = flight.call or events.next_call()
    event.call = flight.call
  end
  local ends = core.now() + channel.patience
  return function()
    local left = ends - core.now()
    if left > 0 then
      return left
    end
    if ends < math.huge then
      ends = math.huge
      say(self, event, ("%s … still waiting (%g s)"):format(target(event), channel.patience))
    end
    return LONG
  end
end

--- Returns the level that option and variable ask for; nil: off. Raises for another option.
local function level_of(wanted, variable)
  if type(wanted) ~= "function" and wanted ~= nil then
    local got = type(wanted) == "number" and json.number(wanted)
      or type(wanted) == "string" and "another string" or type(wanted)
    local values = 'true, 1, "headers", "bodies", false or a function'
    return levels[wanted]
      or errors.raise(('option "debug" must be %s (got %s)'):format(values, got))
  end
  local level = variable and not off[variable] and (switches[variable] or "unknown")
  if level == "unknown" then
    note 'MIC_DEBUG must be 1, headers, bodies or 0; any other value means 1'
    level = "lines"
  end
  return level or (wanted and "lines") or nil
end

local function paths_of(requests)
  local paths = {}
  for _, request in pairs(requests) do
    paths[request.path] = true
  end
  return paths
end

--- Opens the debug channel of a client, unless it is off. Raises for a wrong option.
---@param client table the client state: mask, closed, profile, emit; gets `debug`, `listens` and an
--- `emit` that shows the events
---@param wanted boolean|number|string|function|nil the option `debug`
---@param variable string|nil MIC_DEBUG
function channel.open(client, wanted, variable)
  local level = level_of(wanted, variable)
  if not level then
    return
  end
  local sink = type(wanted) == "function" and wanted or nil
  local self = setmetatable({
    client = client,
    sink = sink,
    transcripts = level ~= "lines" and level or nil, -- their level, for the core
    login_paths = paths_of(client.profile.requests),
    held = {}, -- responses by call
  }, channel_mt)
  local emit = client.emit
  client.debug, client.listens = self, true
  function client.emit(event)
    self:show(event)
    emit(event)
  end
end

return channel
