--- Requests one page: a call with the client's policy, retried while the answer is a part only, and
--- made smaller while it is too large.

local build = require "mic.request.build"
local cancellable = require "mic.transport.cancellable"
local client_state = require "mic.client_state"
local events = require "mic.events"
local page_answer = require "mic.api.page_answer"
local retry = require "mic.http.retry"
local send = require "mic.request.send"
local time_limit = require "mic.http.time_limit"

local page_request = {}

local AS_STATUS = 503 -- of which a part of an answer is retried
local SHRINK_ON, SHRINKS = 502, 2 -- in a row: it may have another cause

--- Builds the call of a page. Raises for misuse.
---@param loop table row, what, options (of a call, with params and query)
---@param request table query or data of the page
---@param profile table of the client
---@return table call
function page_request.build(loop, request, profile)
  local opts, row = {}, loop.row
  for name, value in pairs(loop.options) do
    opts[name] = value
  end
  if request.query then
    opts.query = {}
    for _, query in ipairs { loop.options.query or {}, request.query } do
      for name, value in pairs(query) do
        opts.query[name] = value
      end
    end
  end
  opts.method, opts.path, opts.data = row.method, row.path, request.data
  return build.call(opts, loop.what, nil, nil, nil, profile)
end

--- Returns why an answer of Elasticsearch is only a part; nil if it is whole.
local function missing_part(loop, response)
  local data = loop.parts and response.data
  if type(data) ~= "table" then
    return nil
  end
  local failed = page_answer.member(data, "_shards.failed")
  if data.timed_out == true then
    return "the search timed out; the response is incomplete"
  elseif type(failed) == "number" and failed > 0 then
    local total = page_answer.member(data, "_shards.total")
    return ("%d of %s shards failed; the response is incomplete"):format(failed,
      type(total) == "number" and ("%d"):format(total) or "the")
  end
end

--- Waits before a partial answer is asked for again; false: no retry.
local function wait_for_retry(state, loop, call, tries)
  local delay = retry.delay(retry.settings(state, loop.options.retry), {
    tries = tries,
    status = AS_STATUS,
    idempotent = true,
    sent = true,
    left = call.ends and call.ends - state.transport.now(),
    random = state.transport.random(),
  })
  if not delay then
    return false
  end
  state.token_source.counters.retries = state.token_source.counters.retries + 1
  if state.listens then
    events.retry(state, call, delay, "partial answer")
  end
  state.transport.sleep(delay)
  return true
end

--- Sends the request of a page until its answer is whole.
local function send_whole(state, loop, request)
  local ends, attempts, tries = time_limit.ends(state, loop.options.deadline), 0, 0
  while true do
    local call = page_request.build(loop, request, state.profile)
    call.ends = ends
    local response, err = send.call(state, call)
    attempts = attempts + call.attempts
    if not response then
      err.attempts = err.attempts and attempts
      return nil, err
    end
    response.attempts = attempts
    local problem = missing_part(loop, response)
    if not problem then
      return response
    end
    tries = tries + 1
    if not wait_for_retry(state, loop, call, tries) then
      return nil, page_answer.problem(response, problem, {
        retryable = true, method = call.method, path = call.shown, attempts = attempts,
      })
    end
  end
end

--- True if a smaller page may succeed: the body is over the limit, the API says with status 200
--- that it has failed, as it does about large answers, or the gateway could not pass the answer on.
local function is_too_large(err)
  if err.kind == "too_large" then
    return true
  end
  local is_partial = err.retryable and err.status == 200
  return err.kind == "http" and (err.status == 200 and not is_partial or err.status == SHRINK_ON)
end

--- Returns the client state whose exchanges `holder.cancel` ends, where another task can run.
local function with_cancel(self, holder)
  if not self.transport.can_suspend() then
    return self
  end
  local transport = cancellable.over(self.transport, "the loop was closed")
  holder.cancel = transport.cancel
  return cancellable.with_transport(self, transport)
end

--- Requests the next page.
---@param loop table with `state`, that of the client
---@param pager table the state of the loop's pages, see `mic.api.numbered_pages`
---@param holder table gets `cancel` while the request runs, and `is_taking` when `pager` changes
---@return table|nil page
---@return table|nil response_or_err
function page_request.next(loop, pager, holder)
  local self = loop.state
  local ready, problem = client_state.connect(self, time_limit.ends(self, loop.options.deadline))
  if not ready then
    return nil, problem
  end
  local state = with_cancel(self, holder)
  while true do
    local response, err = send_whole(state, loop, pager:request())
    if response then
      local page
      if loop.on_response then
        loop.on_response(response)
      end
      holder.is_taking = true
      page, err = pager:accept(response)
      if page then
        holder.shrinks = 0
        return page, response
      end
      holder.is_taking = false
      err.method, err.path = loop.row.method, state.mask(loop.row.path)
      return nil, err
    end
    if not is_too_large(err) then
      return nil, err
    end
    if err.status == SHRINK_ON then
      holder.shrinks = holder.shrinks + 1
    end
    if holder.shrinks > SHRINKS or not pager:shrink() then
      return nil, err
    end
  end
end

return page_request
