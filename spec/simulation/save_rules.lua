--- Rules for saves: credentials are saved before they are used, nothing newer is
--- overwritten, no valid record is erased, and a save requires the lock.

local core = require "mic.core"
local token = require "spec.simulation.token"

local rules = {}

local FLIGHT = 31 -- seconds
local SKEW = 2.1 -- seconds: see the scenario
local SOON = 60 -- seconds within which what arrived has to be saved
local WITHOUT_STORE = 60
local LONGEST_PAUSE, REMEMBERED = 60, 120 -- a failure counts until so long after its pause

--- New credentials have arrived. Those that arrive at the very end of a flight, or after a logout,
--- may be dropped.
---@param attempt table
---@param outcome table
function rules:delivered(attempt, outcome)
  local process = attempt.process
  -- It may have waited for the lock before it was sent.
  if process.left_at and process.left_at >= attempt.started - FLIGHT then
    return
  end
  process.left_at = nil
  if self.world.now > attempt.started + attempt.timeout - 1 then
    return
  end
  process.unsaved[outcome.credentials.token] = self.world.now
  process.arrived[#process.arrived + 1] = outcome.credentials.token
end

--- A call goes out with a token.
---@param process table
---@param jwt string|nil
function rules:uses(process, jwt)
  if jwt and process.unsaved[jwt] then
    self:violate("a token is saved before it is used", process.name)
  end
end

--- A store is asked to save.
function rules:save_begins(_, process, bytes)
  self.world:note(process.name, bytes and "saves" or "clears")
end

local function check_newer(self, store, process, refresh, jwt)
  local old_refresh, old_jwt = store:secrets()
  local new, old = self.api.tokens[jwt], self.api.tokens[old_jwt]
  if not new or not old or not old_refresh or not self.api:honours(old_refresh) then
    return
  end
  if new.family == old.family and new.serial < old.serial then
    self:violate("nothing newer is overwritten", process.name)
  elseif new.family ~= old.family and not (refresh and self.api:honours(refresh)) then
    self:violate("no login that works is overwritten by one that does not", process.name)
  end
end

--- A pause that begins without a good token counts one failure more than the one before it. Its
--- client may hold a token for good somewhat longer than the API does: the reply took time.
local function check_count(self, store, process, bytes)
  local new, old = core.record(bytes), core.record(store.kept)
  local ends, failures = new:retry_at()
  local ended, before = old:retry_at()
  local left = ended - (token.EPOCH + self.world.now + process.skew)
  if ends == 0 or ends == ended or left > LONGEST_PAUSE - SKEW or left < -REMEMBERED then
    return
  end
  local _, jwt = token.of_record(bytes)
  local good = jwt and self.api.tokens[jwt].expires + FLIGHT > self.world.now
  if not good and not next(process.unsaved) and failures <= before then
    self:violate("the failures in a row are counted",
      ("%s saves %d after %d"):format(process.name, failures, before))
  end
end

--- What is saved takes effect.
---@param store table
---@param process table
---@param bytes string|nil nil clears
function rules:saves(store, process, bytes)
  local now = self.world.now
  store.saved_by[process] = now
  local failed = store.failed_at[process]
  if not store:is_held_by(process) and not (failed and now - failed <= WITHOUT_STORE) then
    self:violate("a save requires the lock", process.name)
  end
  if not store.kept then
    return
  end
  if bytes then
    check_count(self, store, process, bytes)
  end
  local new_refresh, new_jwt = token.of_record(bytes or "")
  if new_jwt then
    check_newer(self, store, process, new_refresh, new_jwt)
    return
  end
  if not bytes then
    store.cleared_at = now
  end
  -- After a logout a store that was down is cleared later.
  local refresh = store:secrets()
  if process.explicit == 0 and not process.left_at and refresh and self.api:honours(refresh) then
    self:violate("no login that works is erased", process.name)
  end
end

--- A save has ended, well or not; it was waited for.
function rules:save_ends(_, process, bytes, ok)
  local _, jwt
  if bytes then
    _, jwt = token.of_record(bytes)
  end
  if jwt then
    process.unsaved[jwt] = nil
  end
  if not ok then
    self.world:note(process.name, "the save failed")
  end
end

--- An operation of a store has failed on purpose.
function rules:store_failed(store, process, what)
  store.failed_last = self.world.now
  self:disturb(("%s of %s's store"):format(what, process.name))
end

--- Checks that all credentials that arrived were saved.
---@param process table
function rules:sweep_saves(process)
  local waiting = {}
  for _, jwt in ipairs(process.arrived) do
    local since = process.unsaved[jwt]
    if since then
      waiting[#waiting + 1] = jwt
      if process.life.alive and self.world.now - since > SOON then
        self:violate("what arrives is saved", ("%s got a token at %.5f"):format(
          process.name, since))
      end
    end
  end
  process.arrived = waiting
end

return rules
