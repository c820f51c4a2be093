--- Progress of a transfer: one line on a terminal, after a second, cleared at the end.

local cleanup = require "mic.command.cleanup"
local core = require "mic.core"
local output = require "mic.command.output"
local terminal = require "mic.terminal"

local progress = {}

local STDERR = 2
local FIRST, EVERY = 1, 0.1 -- seconds
local BAR, LEAST_WIDTH = 24, 50

local units = { "B", "kB", "MB", "GB", "TB" }

--- A number of bytes, in units of 1000.
---@param bytes number
---@return string
function progress.size(bytes)
  local unit = 1
  while bytes >= 999.5 and unit < #units do
    bytes, unit = bytes / 1000, unit + 1
  end
  return (unit > 1 and bytes < 9.95 and "%.1f %s" or "%.0f %s"):format(bytes, units[unit])
end

local function duration(seconds)
  seconds = math.floor(seconds + 0.5)
  return ("%d:%02d"):format(math.floor(seconds / 60), seconds % 60)
end

--- The line of a transfer.
---@param now number bytes
---@param total number|nil bytes; nil or 0: not known
---@param seconds number since its start
---@param width integer columns
---@return string
function progress.line(now, total, seconds, width)
  local rate = now / math.max(seconds, 0.001)
  if not total or total <= 0 then
    return ("%s  %s/s"):format(progress.size(now), progress.size(rate))
  end
  local share = math.min(now / total, 1)
  local line = ("%3d %%  %s of %s  %s/s  %s left"):format(math.floor(share * 100),
    progress.size(now), progress.size(total), progress.size(rate),
    rate > 0 and duration((total - now) / rate) or "-:--")
  if width < LEAST_WIDTH + BAR then
    return line
  end
  local full = math.floor(share * BAR)
  return ("[%s%s] %s"):format(("#"):rep(full), ("."):rep(BAR - full), line)
end

--- Adds progress to the options of a call, if there is a terminal for it. The function that is
--- returned clears the line.
---@param opts table
---@return function finish
function progress.attach(opts)
  if output.silent or not terminal.is_terminal(STDERR) then
    return function() end
  end
  local started, last, is_shown = core.now(), 0, false
  local function clear()
    if is_shown then
      io.stderr:write("\r\27[K")
      is_shown = false
    end
  end
  function opts.progress(now, total)
    local time = core.now()
    if time - started < FIRST or time - last < EVERY then
      return
    end
    last, is_shown = time, true
    local width = terminal.width()
    io.stderr:write("\r", progress.line(now, total, time - started, width):sub(1, width - 1),
      "\27[K")
    io.stderr:flush()
  end
  cleanup.add(clear)
  return clear
end

return progress
