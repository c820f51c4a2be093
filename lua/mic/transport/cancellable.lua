--- Transport over another one, whose `cancel` ends all exchanges, lets none start, and ends waits
--- between attempts.

local cancellable = {}

local SLICE = 1 -- seconds between checks of a sleeping task, in case its wake is lost

--- Makes one.
---@param outer table a transport
---@param message string of the failure `cancelled`
---@return table transport
function cancellable.over(outer, message)
  local transport = setmetatable({ current = false }, { __index = outer })
  local running, cancelled = {}, false

  local function forget(exchange, ...)
    running[exchange] = nil
    return ...
  end

  function transport.start(core, ...)
    if cancelled then
      return nil, "cancelled", nil, message
    end
    return outer.start(core, ...)
  end

  function transport.finish(core, exchange, listener, tick)
    running[exchange] = true
    return forget(exchange, outer.finish(core, exchange, listener, tick))
  end

  function transport.call(core, ...)
    local exchange, kind, code, problem = transport.start(core, "call", ...)
    if not exchange then
      return exchange, kind, code, problem
    end
    return transport.finish(core, exchange)
  end

  function transport.sleep(seconds)
    local ends = outer.now() + seconds
    while not cancelled do
      local left = ends - outer.now()
      if left <= 0 then
        return
      end
      outer.park(transport, math.min(left, SLICE))
    end
  end

  function transport.cancel()
    cancelled = true
    for exchange in pairs(running) do
      exchange:cancel()
    end
    outer.wake(transport)
  end

  return transport
end

--- Returns a copy of a client state with another transport: cheaper to read than through a
--- metatable, which is left for what is set later.
---@param self table the client state
---@param transport table
---@return table state
function cancellable.with_transport(self, transport)
  local copy = {}
  for name, value in pairs(self) do
    copy[name] = value
  end
  copy.transport = transport
  return setmetatable(copy, { __index = self })
end

return cancellable
