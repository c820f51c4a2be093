--- Rules for logins and refreshes: one at a time and under the lock, a refused password is not sent
--- again, and while the endpoint fails one series of attempts per pause.

local rules = {}

--- After a failure of the store a client may log in without the lock for so long, in seconds.
local WITHOUT_STORE = 60
--- The shortest pause, which counts also if no process is left that knows its length.
local LEAST_PAUSE = 0.4
--- Another process may go by a clock that is so much ahead, in seconds: see the scenario's skew.
local SKEW = 2.1

local function check_lock(self, attempt)
  local process = attempt.process
  local store = process.group.store
  if store:is_held_by(process) then
    return
  end
  attempt.lockless = true
  local failed = store.failed_at[process]
  if attempt.what == "login" and failed and self.world.now - failed <= WITHOUT_STORE then
    return
  end
  local holder = store:held()
  self:violate(
    "a login or refresh holds the lock",
    ("%s sends a %s; the lock is %s"):format(
      process.name,
      attempt.what,
      holder and "held by " .. holder.process.name or "free"
    )
  )
end

--- Counts live processes only: what a dead one has sent cannot be recalled.
local function check_alone(self, attempt)
  local group = attempt.process.group
  for _, other in ipairs(group.in_flight) do
    if other.life.alive and not attempt.lockless and not other.lockless then
      self:violate(
        "at most one login or refresh at a time",
        ("%s sends a %s during %s's %s"):format(
          attempt.process.name,
          attempt.what,
          other.process.name,
          other.what
        )
      )
    end
  end
end

--- A failure that others must know of: it was saved with the record, or the process that noticed it
--- has let go of the lock.
local function is_shared(store, failure)
  local process = failure.process
  local gone = (store.cleared_at or -1) >= failure.at
  if gone or (store.failed_last or -1) >= failure.at then
    return false
  end
  if (store.saved_by[process] or -1) >= failure.at then
    return true
  end
  return failure.life.alive and not store:is_held_by(process)
end

local worth_a_retry = {}
for _, outcome in ipairs { 429, 500, 502, 503, 504, "network", "timeout" } do
  worth_a_retry[outcome] = true
end

--- True if it is the attempt after a failed one of the same flight.
local function is_retry(attempt)
  local last = attempt.process.last_attempt
  return last
    and last.outcome
    and worth_a_retry[last.outcome]
    and last.what == attempt.what
    and last.secret == attempt.secret
    and last.task == attempt.task
    and last.lock == attempt.lock
end

local function check_retry(self, attempt)
  local process, last = attempt.process, attempt.process.last_attempt
  attempt.number = last.number + 1
  local option = process.settings.retry
  local most = option == false and 1 or option and option.attempts or 3
  if attempt.number > most then
    self:violate("no more tries than the option allows",
      ("%s sends a %s for the %dth time"):format(process.name, attempt.what, attempt.number))
  elseif self.world.now < last.ended + last.retry_after then
    self:violate("Retry-After is kept to",
      ("%s sends a %s %.5f s after an answer that asks for %d"):format(
        process.name, attempt.what, self.world.now - last.ended, last.retry_after))
  end
end

--- ---- refused passwords ----

--- How long one is not sent again; a process that forgets it for a while counts from the first.
local ONCE, AGAIN, DAY = 900, 3600, 86400

--- A refusal that this process must know of.
local function is_known(process, refusal)
  if refusal.life == process.life then
    return true
  end
  local store = process.group.store
  if (store.failed_last or -1) >= refusal.at then
    return false
  end
  local saved = (store.saved_by[refusal.process] or -1) >= refusal.at
  return saved or (refusal.life.alive and not store:is_held_by(refusal.process))
end

local function check_password(self, attempt)
  local process = attempt.process
  local refusal = attempt.what == "login" and process.group.refused[attempt.secret]
  if attempt.explicit or not refusal or not is_known(process, refusal) then
    return
  end
  local ends = refusal.at + (refusal.times > 1 and AGAIN or ONCE) - SKEW
  if self.world.now < ends then
    self:violate("no refused password twice within its time",
      ("%s sends one %.5f s after it was refused to %s, %d times"):format(
        process.name, self.world.now - refusal.at, refusal.process.name, refusal.times))
  end
  attempt.refused = self.world.now - refusal.at < DAY - SKEW and refusal.times or nil
end

local function note_refused(self, attempt)
  local process, now = attempt.process, self.world.now
  process.group.refused_lately[attempt.secret] = now
  if not attempt.explicit then
    process.group.refused[attempt.secret] = {
      process = process,
      life = process.life,
      at = now,
      times = (attempt.refused or 0) + 1,
    }
  end
end

--- True if a process may withhold its password because it was refused.
---@param process table
---@return boolean
function rules:holds_back(process)
  local at = process.group.refused_lately[process:password()]
  return at ~= nil and self.world.now < at + AGAIN + SKEW
end

local function check_pause(self, attempt)
  if attempt.explicit then
    return
  end
  local process, now = attempt.process, self.world.now
  local shared = process.group.failure
  local failure = process.failure
  local ends = failure and failure.at + failure.pause
  if not failure and shared and is_shared(process.group.store, shared) then
    failure, ends = shared, shared.at + shared.pause - SKEW
  end
  if failure and now < ends then
    self:violate(
      "one call per pause",
      ("%s sends a %s %.5f s after %s's has failed, in a pause of %.5f s"):format(
        process.name,
        attempt.what,
        now - failure.at,
        failure.process.name,
        failure.pause
      )
    )
  end
end

--- A client has emitted the length of its pause.
---@param process table
---@param seconds number
function rules:pauses(process, seconds)
  self.world:note(process.name, "pauses for", seconds)
  process.last_attempt = nil -- what comes is no retry
  local failure = process.failure
  if failure then
    failure.pause = math.max(LEAST_PAUSE, seconds - 1 / 16) -- ticks
  end
end

--- A login or refresh is sent.
---@param process table
---@param what "login"|"refresh"
---@param secret string the password or refresh token
---@param timeout number seconds
---@return table attempt
function rules:auth_begins(process, what, secret, timeout)
  local attempt = {
    process = process,
    life = process.life,
    what = what,
    secret = secret,
    timeout = timeout,
    started = self.world.now,
    explicit = process.explicit > 0,
    task = self.world.current,
    lock = process.group.store:is_held_by(process) and process.group.store.locks,
    number = 1,
    outcome = nil, -- status or kind, when it has failed
  }
  self.world:note(process.name, "sends", what)
  check_lock(self, attempt)
  check_alone(self, attempt)
  check_password(self, attempt)
  if is_retry(attempt) then
    check_retry(self, attempt)
  else
    check_pause(self, attempt)
  end
  process.last_attempt = attempt
  local in_flight = process.group.in_flight
  in_flight[#in_flight + 1] = attempt
  return attempt
end

local function remove(list, value)
  for index, member in ipairs(list) do
    if member == value then
      table.remove(list, index)
      return
    end
  end
end

--- Its outcome arrives at the process.
---@param attempt table
---@param outcome table
function rules:auth_arrives(attempt, outcome)
  local process = attempt.process
  local group = process.group
  remove(group.in_flight, attempt)
  if not attempt.life.alive then
    return
  end
  self.world:note(process.name, attempt.what .. " brought", outcome.status or outcome.kind)
  if outcome.credentials then
    process.failure, group.failure = nil, nil
    if attempt.what == "login" then
      group.refused[attempt.secret] = nil
    end
    if not attempt.lockless then -- else it stays in memory: there is no store
      self:delivered(attempt, outcome)
    end
  elseif outcome.kind or outcome.status >= 500 or outcome.status == 429 then
    attempt.outcome, attempt.ended = outcome.kind or outcome.status, self.world.now
    attempt.retry_after = tonumber(outcome.head and outcome.head:match "Retry%-After: (%d+)") or 0
    local failure = {
      process = process,
      life = process.life,
      at = self.world.now,
      pause = LEAST_PAUSE,
    }
    if not attempt.explicit then
      process.failure, group.failure = failure, failure
    end
  else
    process.failure, group.failure = nil, nil -- the API has answered
    if attempt.what == "login" then
      note_refused(self, attempt)
    end
  end
end

return rules
