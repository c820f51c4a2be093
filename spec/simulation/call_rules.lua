--- Rules for calls: none waits past its deadline, and none fails without a reason.

local rules = {}

local FLIGHT = 31 -- seconds
local LATE = 1 -- seconds after a deadline
--- How long a fault may have effects: a flight, a lock that ends by time, and a pause.
local AFTERMATH = 150

--- A token with less than this left may be in its mandatory window.
local function margin(self)
  return math.min(60, 0.1 * self.api.settings.lifetime) + 3
end

--- A call begins.
---@param process table
---@param core table the client's
---@param kind "call"|"headers"|"explicit" only the first two must succeed on a token that is good
---@param deadline number seconds
---@return table call
function rules:call_begins(process, core, kind, deadline)
  local _, _, jwt = core.real:credentials()
  local call = {
    process = process,
    kind = kind,
    started = self.world.now,
    ends = self.world.now + deadline,
    jwt = jwt, -- what the client has in memory
    task = self.world.current,
    disturbed = nil, -- faults of its own requests
  }
  self.calls = self.calls + 1
  self.open_calls[#self.open_calls + 1] = call
  return call
end

local function check_time(self, call)
  local process = call.process
  local late = LATE
  if process.settings.in_line then -- what its flight has begun to save is saved
    late = late + 6 * process.group.store.settings.delay
  end
  if self.world.now > call.ends + late then
    self:violate("no task waits past its deadline",
      ("%s: a %s from %.5f was to end by %.5f"):format(
        call.process.name, call.kind, call.started, call.ends))
  end
end

--- Why the call should have succeeded: a valid token existed all the time. Nil if not.
local function good_token(self, call)
  local process, store = call.process, call.process.group.store
  if call.kind == "explicit" or call.disturbed or process.group.left_at >= call.started then
    return nil
  end
  if call.jwt and self.api:accepts(call.jwt, margin(self)) then
    return "the client has a token that is good"
  end
  local _, kept = store:secrets()
  -- A flight that was under way when the call began may have met a failure before.
  local worked = (store.failed_at[process] or -1) < call.started - FLIGHT
  local was_there = kept and worked and store.saved_at <= call.started
  if was_there and self.api:accepts(kept, margin(self)) then
    return "the store has a token that is good"
  end
end

--- True if a client can get a token without a person.
local function has_a_way(self, process)
  local group = process.group
  if process:password() and self.api.accounts[group.user].password == process:password() then
    return not self:holds_back(process)
  end
  local refresh = group.store:secrets()
  return refresh ~= nil and self.api:honours(refresh)
end

--- A call has met a token of an ended login. It must recover from one; a second one, saved by
--- another process, is left to the next call.
---@param call table
---@param jwt string
function rules.cut_off(_, call, jwt)
  if call.cut_off and call.cut_off ~= jwt then
    call.disturbed = "logins ended"
  end
  call.cut_off = jwt
end

--- A call has ended.
---@param call table
---@param ok any what it returned
---@param err any
function rules:call_ends(call, ok, err)
  call.over = true
  check_time(self, call)
  if ok then
    return
  end
  self.failures = self.failures + 1
  local process = call.process
  self:check_error(process, err)
  self.world:note(process.name, "a " .. call.kind .. " failed:", err)
  local reason = good_token(self, call)
  local is_calm = self.disturbed_at < call.started - AFTERMATH and not call.disturbed
  if not reason and is_calm and has_a_way(self, process) then
    reason = "nothing has gone wrong lately"
  end
  if reason then
    self:violate("no call fails without a reason",
      ("%s: %s, but: %s"):format(process.name, reason, tostring(err)))
  end
end

--- Checks the calls that have not ended.
function rules:sweep_calls()
  local open = {}
  for _, call in ipairs(self.open_calls) do
    if not call.over and not call.task.dead and call.task.owner.alive then
      check_time(self, call)
      open[#open + 1] = call
    end
  end
  self.open_calls = open
end

return rules
