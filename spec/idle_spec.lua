-- The timeout while a body is transferred: the longest time without progress.

local cleanup = require "spec.support.cleanup"
local clock = require "spec.support.clock"
local faults = require "spec.support.faults"
local mic = require "mic"
local scratch = require "spec.support.scratch"

local HEAD = "read\nsend HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n"
local IDLE = 0.3
local KIB = ("x"):rep(1024)
local LATE = 6 -- for a machine that is busy; the call's own limit is its deadline of 20 seconds
local PATIENT = 1 -- the timeout of transfers that go on: their server may have to wait for its turn

describe("a body that flows", function()
  local server, client, folder

  before_each(function()
    folder = scratch.folder()
  end)

  --- Starts a server of these scripts, and a client for it.
  local function serve(...)
    server = faults.start(...)
    client = cleanup.close(mic.new { base_url = server.url, api_key = "k", retry = false,
      deadline = 20 })
  end

  --- One call with the short timeout; returns response, error and duration.
  local function call(options)
    options.path, options.auth, options.timeout = "/x", false, options.timeout or IDLE
    local started = clock.now()
    local response, err = client:request(options)
    return response, err, clock.now() - started
  end

  local function assert_ends_after(expected, _, err, seconds)
    assert.are.equal("timeout", err.kind)
    assert.are.equal("CURLE_OPERATION_TIMEDOUT", err.code)
    assert.are.equal("no progress within the time limit", err.message)
    assert.is_true(seconds >= expected and seconds < expected + LATE, seconds .. " seconds")
  end

  it("ends a download that stalls", function()
    serve(HEAD:format(9) .. "123\nhold")
    assert_ends_after(IDLE, call { save_to = folder:at "file" })
    assert.are.equal("", folder:names())
  end)

  it("ends a call whose answer does not begin", function()
    serve "read\nhold"
    assert_ends_after(IDLE, call { save_to = folder:at "file" })
  end)

  it("ends a stream that stalls, counted from the last byte", function()
    serve(HEAD:format(9) .. "123\nwait 200\nsend 4\nhold")
    local pieces = {}
    assert_ends_after(IDLE + 0.2, call {
      on_data = function(piece)
        pieces[#pieces + 1] = piece
      end,
    })
    assert.are.equal("1234", table.concat(pieces))
  end)

  it("ends an upload when the server stops reading", function()
    serve "head\nhold"
    local path = folder:write("file", ("x"):rep(16 * 1048576))
    assert_ends_after(IDLE, call { method = "PUT", body_file = path })
  end)

  it("goes on as long as something moves, however slow", function()
    serve(HEAD:format(9) .. "\ndrip 300 123456789")
    local response, err, seconds = call { save_to = folder:at "file", timeout = PATIENT }
    mic.assert(response, err)
    assert.are.equal("123456789", folder:read "file")
    assert.is_true(seconds > 2 * PATIENT, seconds .. " seconds")
  end)

  it("does not count while the listener is busy, even if the transfer was paused", function()
    for _, kibs in ipairs { 1, 4096 } do
      serve(HEAD:format(kibs * 1024) .. ("\nrepeat %d %s"):format(kibs, KIB))
      local got, slow = 0, 2
      local response, err = call {
        timeout = PATIENT,
        on_data = function(piece)
          got = got + #piece
          slow = slow - 1
          if slow >= 0 then
            clock.sleep(1.5 * PATIENT)
          end
        end,
      }
      mic.assert(response, err)
      assert.are.equal(kibs * 1024, got)
      client:close()
      server.stop()
    end
    serve "hold" -- for after_each
  end)

  it("ends a transfer that stalls after a pause", function()
    serve(HEAD:format(4 * 1048576 + 1) .. ("\nrepeat 4096 %s\nhold"):format(KIB))
    local got, busy = 0, true
    local _, err = call {
      timeout = PATIENT,
      on_data = function(piece)
        got = got + #piece
        if busy then
          clock.sleep(1.5 * PATIENT)
        end
        busy = false
      end,
    }
    assert.are.equal("timeout", err.kind)
    assert.are.equal(4 * 1048576, got)
  end)

  it("ends a member of a batch while the others go on", function()
    serve(HEAD:format(9) .. "123\nhold", HEAD:format(9) .. "\ndrip 300 123456789")
    local requests = {}
    for index = 1, 2 do -- which of them comes to which connection is open
      requests[index] =
        { path = "/x", auth = false, timeout = PATIENT, save_to = folder:at("file" .. index) }
    end
    local ends = {}
    for _, result in ipairs(client:batch(requests)) do
      ends[#ends + 1] = result.err and result.err.kind or "whole"
    end
    table.sort(ends)
    assert.are.same({ "timeout", "whole" }, ends)
  end)

  it("is bounded by a deadline all the same", function()
    serve(HEAD:format(90) .. "\ndrip 200 " .. ("x"):rep(90))
    local _, err, seconds = call { save_to = folder:at "file", deadline = 0.5, timeout = PATIENT }
    assert.are.equal("timeout", err.kind)
    assert.is_true(seconds < 0.5 + LATE, seconds .. " seconds")
  end)
end)
