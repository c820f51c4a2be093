local api = require "spec.support.api"
local faults = require "spec.support.faults"
local mic = require "mic"
local scratch = require "spec.support.scratch"

--- A listener that keeps its arguments: { now, total } each.
local function keeper()
  local steps = {}
  return steps, function(now, total)
    steps[#steps + 1] = { now, total }
  end
end

--- They grow, and end at the size; the total, once known, stays.
local function assert_reaches(size, steps, may_be_unknown)
  assert.is_true(#steps > 0)
  local before, total = 0, nil
  for _, step in ipairs(steps) do
    assert.is_true(step[1] > before, ("%s after %s"):format(step[1], before))
    assert.is_true(step[2] == size or (may_be_unknown and step[2] == nil), tostring(step[2]))
    assert.is_true(total == nil or step[2] == total)
    before, total = step[1], step[2]
  end
  assert.are.equal(size, before)
  assert.are.equal(("%d"):format(size), tostring(before))
end

describe("progress", function()
  local box = api.around()
  local client, folder

  before_each(function()
    folder = scratch.folder()
    client = box:client { retry = { base = 0.01, cap = 0.01 } }
  end)

  it("grows up to the size of what is saved, streamed or kept", function()
    local size = 3000000
    for _, options in ipairs {
      { save_to = folder:at "file" },
      { on_data = function() end },
      { decode = false },
    } do
      local steps
      steps, options.progress = keeper()
      options.auth = false
      box:answer { path = "/big", body = ("x"):rep(1000), ["repeat"] = size / 1000 }
      mic.assert(client:get("/big", options))
      assert_reaches(size, steps)
    end
  end)

  it("has no total where the answer tells no length", function()
    local chunked = "read\nsend HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n"
      .. "4\\r\\nabcd\\r\\n3\\r\\nefg\\r\\n0\\r\\n\\r\\n"
    local server = faults.start(chunked)
    local other = mic.new { base_url = server.url, api_key = "k" }
    local steps, progress = keeper()
    mic.assert(other:get("/x", { auth = false, decode = false, progress = progress }))
    assert.is_nil(steps[1][2])
    assert.is_true(#steps > 0)
    other:close()
    server.stop()
  end)

  it("of an upload grows up to the size of the file, whatever the answer", function()
    local size = 3000000
    local path = folder:write("upload", ("x"):rep(size))
    for _, version in ipairs { "1.1", "2" } do
      for _, status in ipairs { 200, 400 } do
        local other = box:client { http_version = version }
        local steps, progress = keeper()
        box:answer { path = "/up", status = status, body = "an answer of some length" }
        local options = { auth = false, decode = false, body_file = path, progress = progress }
        other:put("/up", nil, options)
        assert_reaches(size, steps)
        assert.are.equal(size, box:log()[1].body_size)
        box:control("DELETE", "/log")
        other:close()
      end
    end
  end)

  --- Calls with a progress that returns false, and with one that raises.
  local function assert_ends(one, options)
    options.auth = false
    options.progress = function()
      return false
    end
    local response, err = one:request(options)
    assert.is_nil(response)
    assert.are.equal("cancelled", err.kind)
    local value = {}
    options.progress = function()
      error(value, 0)
    end
    local ok, raised = pcall(one.request, one, options)
    assert.is_false(ok)
    assert.is_true(rawequal(value, raised))
  end

  it("ends an upload when it returns false, and lets out what it raises", function()
    local path = folder:write("upload", ("x"):rep(3000000))
    box:answer { path = "/x", times = 2 }
    assert_ends(client, { method = "PUT", path = "/x", body_file = path })
    box:reset()
    box:answer { path = "/x", body = "{}" }
    mic.assert(client:get("/x", { auth = false }))
  end)

  it("ends a download likewise, and no file is left", function()
    local begun = "read\nsend HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\n123\nhold"
    local whole = "read\nsend HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}"
    local server = faults.start(begun, begun, whole)
    local other = mic.new { base_url = server.url, api_key = "k" }
    assert_ends(other, { path = "/x", save_to = folder:at "new" })
    assert.are.equal("", folder:names())
    mic.assert(other:get("/x", { auth = false }))
    other:close()
    server.stop()
  end)

  it("may make other calls on the same client", function()
    box:answer { path = "/x", body = ("x"):rep(3000000) }
    box:answer { path = "/other", body = "{}", times = 1000 }
    local calls = 0
    mic.assert(client:get("/x", {
      auth = false,
      save_to = folder:at "file",
      progress = function()
        if calls < 3 then
          calls = calls + 1
          mic.assert(client:get("/other", { auth = false }))
        end
      end,
    }))
    assert.is_true(calls > 0)
    assert.are.equal(3000000, #folder:read "file")
  end)
end)
