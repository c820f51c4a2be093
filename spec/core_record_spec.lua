-- Credential records of mic.core: damage is detected, and a record of another API is rejected.

local api = require "spec.support.api"
local core = require "mic.core"
local mic = require "mic"
local core_calls = require "spec.support.core_calls"
local records = require "spec.support.records"
local scratch = require "spec.support.scratch"

local framed = records.framed

--- The content of a record's bytes, the fifth of its numbers left out.
local function without_pause(bytes)
  return bytes:sub(12, 11 + 4 * 8) .. bytes:sub(12 + 5 * 8, -5)
end

describe("a record of mic.core", function()
  local sandbox = api.around()
  local client

  before_each(function()
    client = sandbox:core()
    assert(client:login(sandbox.username, sandbox.password))
  end)

  it("brings the credentials back in another client, from its bytes", function()
    local bytes = client:record():bytes()
    local second = sandbox:core()
    local record = assert(core.record(bytes))
    assert.equal(bytes, record:bytes())
    assert.equal(1, second:adopt(record, 0))
    assert.same(client:credential_data(), second:credential_data())
    local state, _, left, lifetime = second:freshness()
    assert.same({ "fresh", 3600 }, { state, lifetime })
    assert.is_true(left > 3590 and left <= 3600)
    assert.equal(200, core_calls.request(second, { method = "GET", path = "/user" }).status)
    second:close()
  end)

  it("remembers the time: a token that rested is not fresh again", function()
    local record = core.record(client:record():bytes())
    local second = sandbox:core()
    second:shift_clock(3000)
    second:adopt(record)
    local _, _, left = second:freshness()
    assert.is_true(left > 590 and left <= 600)
    second:shift_clock(601)
    assert.equal("expired", (second:freshness()))
    second:close()
  end)

  it("keeps a generation that never goes back", function()
    assert(client:refresh())
    assert(client:refresh())
    local record = client:record()
    local second = sandbox:core()
    assert.equal(3, second:adopt(record, 0))
    second:close()
  end)

  it("is refused when any one byte is another, when bytes are missing, or are too many", function()
    local bytes = client:record():bytes()
    local message = "the saved credentials are damaged"
    local function is_refused(damaged)
      local record, kind, code, text = core.record(damaged)
      return record == nil and kind == "store" and code == nil and text == message
    end
    for position = 1, #bytes do
      local byte = bytes:byte(position)
      for _, other in ipairs { (byte + 1) % 256, (byte + 128) % 256, 255 - byte } do
        local damaged = bytes:sub(1, position - 1) .. string.char(other) .. bytes:sub(position + 1)
        if not is_refused(damaged) then
          error(("byte %d of %d may be %d"):format(position, #bytes, other))
        end
      end
    end
    for length = 0, #bytes - 1 do
      assert(is_refused(bytes:sub(1, length)), length)
    end
    assert.is_true(is_refused(bytes .. "\0"))
    assert.is_true(is_refused(bytes .. bytes))
    assert.is_true(is_refused "{}")
    assert.has_error(function()
      core.record(nil)
    end)
  end)

  it("may hold a pause, which a copy takes along", function()
    local record = client:record()
    assert.same({ 0, 0 }, { record:retry_at() })
    local paused = record:with_retry_at(1700000000.5)
    assert.same({ 0, 0 }, { record:retry_at() })
    assert.same({ 1700000000.5, 1 }, { paused:retry_at() })
    local read = assert(core.record(paused:bytes()))
    assert.same({ 1700000000.5, 1 }, { read:retry_at() })
    assert.equal(record:bytes(), read:with_retry_at(0):bytes())
    assert.same({ 0, 0 }, { paused:with_retry_at(0, 5):retry_at() })
    assert.is_true(client:holds(read))
    for _, seconds in ipairs { -1, 0 / 0, 2 ^ 53 + 2, math.huge } do
      assert.has_error(function()
        record:with_retry_at(seconds)
      end)
    end
    assert.has_error(function()
      record:with_retry_at()
    end)
    client:forget()
    client:adopt(read:with_retry_at(1700000000.5, 3))
    assert.same({ 1700000000.5, 3 }, { client:record():retry_at() })
    assert(client:refresh())
    assert.same({ 0, 0 }, { client:record():retry_at() })
  end)

  it("counts the failures before its pause, and keeps at most 255", function()
    local profiled = client:record():bytes():sub(12, -5) .. "\0" .. "\6\0\0\0oauth2"
    local refused = { { digest = ("d"):rep(32), at = 1700000000, times = 1 } }
    for _, record in ipairs {
      client:record(), client:no_login(), client:record():with_refused(refused),
      client:no_login():with_refused(refused), core.record(framed(4, profiled)),
    } do
      for given, kept in pairs { [2] = 2, [3.5] = 3, [255] = 255, [256] = 255, [1e300] = 255 } do
        local paused = record:with_retry_at(5, given)
        assert.same({ 5, kept }, { paused:retry_at() })
        local bytes = paused:bytes()
        assert.same({ 5, kept }, { bytes:byte(11), bytes:byte(-5) })
        local read = assert(core.record(bytes))
        assert.same({ 5, kept }, { read:retry_at() })
        assert.equal(bytes, read:bytes())
        assert.same({ record:is_login(), record:refused() }, { read:is_login(), read:refused() })
        local first = record:with_retry_at(5)
        assert.equal(first:bytes(), read:with_retry_at(5):bytes())
        assert.is_true(first:bytes():byte(11) < 5)
        assert.same({ 5, 1 }, { core.record(first:bytes()):retry_at() })
      end
    end
    for _, failures in ipairs { 0, 0.5, -1, 0 / 0, -math.huge } do
      assert.has_error(function()
        client:record():with_retry_at(5, failures)
      end)
    end
  end)

  it("with a count that no pause has is damaged", function()
    local content = client:record():with_retry_at(5, 2):bytes():sub(12, -6)
    assert.same({ 5, 2 }, { core.record(framed(5, content .. "\2")):retry_at() })
    local without = client:record():with_refused({ { digest = ("d"):rep(32), at = 1, times = 1 } })
    local number = records.doubles[1]
    local refusals, profile = "\1" .. ("d"):rep(32) .. number .. number, "\0\0\0\0"
    local no_pause = without:bytes():sub(12, -5)
    assert.equal(refusals, no_pause:sub(-#refusals))
    for _, damaged in ipairs {
      content, content .. "\0", content .. "\1", content .. "\2\0", content .. "\2\2",
      no_pause .. profile .. "\2", -- no pause
    } do
      local record, kind, code = core.record(framed(5, damaged))
      assert.same({ nil, "store", nil }, { record, kind, code }, #damaged)
    end
    for version = 1, 4 do
      assert.is_nil((core.record(framed(version, content .. "\2"))))
    end
  end)

  it("is read as version 1 wrote it, without a pause", function()
    local old = framed(1, without_pause(client:record():bytes()))
    local record = assert(core.record(old))
    assert.equal(0, record:retry_at())
    assert.equal(client:record():bytes(), record:bytes())
    assert.is_nil((core.record(framed(0, old:sub(12, -5)))))
    assert.is_nil((core.record(framed(1, client:record():bytes():sub(12, -5)))))
    assert.is_nil((core.record(framed(2, old:sub(12, -5)))))
  end)

  local function refusal(letter, at, times)
    return { digest = letter:rep(32), at = at, times = times }
  end

  it("may say what was refused, with credentials and without", function()
    local record = client:record()
    assert.is_true(record:is_login())
    assert.is_nil(record:refused())
    local list = { refusal("a", 1700000000.5, 1), refusal("\0", 1800000000, 3) }
    for _, whole in ipairs { record, client:no_login() } do
      local refused = whole:with_refused(list)
      assert.same(list, refused:refused())
      local read = assert(core.record(refused:bytes()))
      assert.same(list, read:refused())
      assert.equal(whole:is_login(), read:is_login())
      assert.same(list, read:with_retry_at(5, 2):refused())
      assert.equal(refused:bytes(), read:bytes())
      assert.equal(whole:bytes(), read:with_refused():bytes())
    end
    assert.is_true(client:holds(record:with_refused(list)))
    local alone = client:no_login():with_refused(list)
    local adopted, kind, _, message = client:adopt(alone)
    assert.same({ nil, "store", "the record has no credentials" }, { adopted, kind, message })
    assert.is_nil((core.record(client:no_login():bytes())))
    local pause = assert(core.record(client:no_login():with_retry_at(1800000000):bytes()))
    assert.same({ false, 1800000000, 1 }, { pause:is_login(), pause:retry_at() })
    assert.is_nil(pause:refused())
  end)

  it("keeps the last four of what was refused, and takes nothing else for it", function()
    local list = {}
    for index = 1, 6 do
      list[index] = refusal(tostring(index), index, index)
    end
    assert.same({ list[3], list[4], list[5], list[6] },
      client:record():with_refused(list):refused())
    for _, wrong in ipairs {
      5, { 5 }, { {} }, { refusal("ab", 1, 1) }, { refusal("a", 0, 1) }, { refusal("a", 1, 0.5) },
      { refusal("a", math.huge, 1) }, { refusal("a", 1, 2 ^ 54) },
    } do
      assert.has_error(function()
        client:record():with_refused(wrong)
      end)
    end
  end)

  it("is of version 3 only when something was refused: older ones can read the others", function()
    local record = client:record()
    assert.equal(2, record:bytes():byte(11))
    assert.equal(3, record:with_refused({ refusal("a", 1, 1) }):bytes():byte(11))
    local content = record:bytes():sub(12, -5)
    local one = content .. "\1" .. ("d"):rep(32) .. ("\0"):rep(6) .. "\240?"
    local number = ("\0"):rep(6) .. "\240?" -- 1.0
    assert.same({ refusal("d", 1, 1) }, core.record(framed(3, one .. number)):refused())
    for _, damaged in ipairs {
      content, content .. "\0", content .. "\0\0", one, one .. number .. "x", one .. ("\0"):rep(8),
      content .. "\5" .. (("d"):rep(32) .. number .. number):rep(5),
      content .. "\1" .. ("d"):rep(32) .. ("\0"):rep(8) .. number,
    } do
      local read, kind = core.record(framed(3, damaged))
      assert.same({ nil, "store" }, { read, kind }, #damaged)
    end
    assert.is_nil((core.record(framed(2, one .. number))))
  end)

  it("knows a login by a digest of all that belongs to it", function()
    local digest = client:login_digest("anna", "word")
    assert.equal(32, #digest)
    assert.equal(digest, client:login_digest("anna", "word"))
    local other_key = sandbox:core { api_key = "another" }
    local other_place = sandbox:core { base_url = sandbox.origin .. "/test" }
    for index, another in ipairs {
      client:login_digest("anna", "word "), client:login_digest("annaw", "ord"),
      client:login_digest("anna", ""), client:login_digest("", "annaword"),
      other_key:login_digest("anna", "word"), other_place:login_digest("anna", "word"),
    } do
      assert.is_true(digest ~= another, index)
    end
    other_key:close()
    other_place:close()
  end)

  it("of a newer version is told from a damaged one", function()
    for _, version in ipairs { 6, 255 } do
      for _, content in ipairs { "", "whatever may come", client:record():bytes() } do
        local record, kind, code, message = core.record(framed(version, content))
        assert.same({ nil, "store", "ENOTSUP",
          "the saved credentials are of a newer version of lua-mic" },
          { record, kind, code, message })
        local whole = framed(version, content)
        local other = string.char((whole:byte(-1) + 1) % 256)
        record, kind, code = core.record(whole:sub(1, -2) .. other)
        assert.same({ nil, "store", nil }, { record, kind, code })
      end
    end
  end)

  --- What another version of the program may have written.
  local function read(fields)
    local all = { root = client:root() }
    for name, value in pairs(fields) do
      all[name] = value
    end
    return core.record(records.made(all))
  end

  it("with a credential that no header can carry is damaged, as such a login is", function()
    assert.is_truthy(read {})
    assert.is_truthy(read { identity = "", refresh_token = "", token = "t\255\t" })
    for _, text in ipairs { "a\r\nX-Injected: yes", "a\nb", "a\rb", "a\0b", "a b", " ", "a\127",
      "\1" } do
      for _, name in ipairs { "token", "identity", "refresh_token" } do
        local record, kind, code, message = read { [name] = text }
        assert.same({ nil, "store", nil, "the saved credentials are damaged" },
          { record, kind, code, message }, name)
      end
    end
    assert.is_nil((read { token = "" }))
    assert.is_nil((read { token = ("x"):rep(10241) }))
    assert.is_truthy(read { token = ("x"):rep(10240) })
  end)

  it("with a base URL that is none is damaged", function()
    for _, root in ipairs { "", "/", "https://", "https:///", "ftp://x.example", "x.example",
      "https://x.example/", "https://x.example/a b", "https://x\r\n", "https://x\0",
      "https://\255" } do
      local record = read { root = root }
      assert.is_nil(record, root)
    end
  end)

  it("with a number that no time and no generation can be is damaged", function()
    local doubles = records.doubles
    for _, name in ipairs { "issued", "expires", "lifetime", "generation", "retry_at" } do
      for _, bytes in ipairs { doubles[-1], doubles[2 ^ 53 + 2], doubles[math.huge],
        records.nan } do
        assert.is_nil((read { [name] = bytes }), name)
      end
    end
    for _, number in ipairs { 1.5, 2 ^ 52 + 1, 2 ^ 53 } do
      assert.is_nil((read { generation = doubles[number] }))
    end
  end)

  it("of the largest generation leaves room to count on, and can be saved", function()
    local other = sandbox:core()
    local record = assert(read { generation = records.doubles[2 ^ 52] })
    assert.equal(2 ^ 52, other:adopt(record))
    other:mark_stale(2 ^ 52)
    assert.equal("stale", (other:freshness()))
    assert(other:login(sandbox.username, sandbox.password))
    local state, generation = other:freshness()
    assert.same({ "fresh", 2 ^ 52 + 1 }, { state, generation })
    local saved = assert(core.record(other:record():bytes()))
    local third = sandbox:core()
    assert.equal(2 ^ 52, third:adopt(saved))
    assert.equal(200, core_calls.request(third, { method = "GET", path = "/user" }).status)
    assert.is_false(other:forget(2 ^ 52))
    assert.is_true(other:forget(2 ^ 52 + 1))
    third:close()
    other:close()
  end)

  it("that others have tampered with costs a new login, whatever keeps it", function()
    local tampered = records.made { root = client:root(), token = "a\r\nX-Injected: yes" }
    local own = {}
    function own.load()
      return own.bytes
    end
    function own.save(_, record)
      own.bytes = record and record:bytes()
      return true
    end
    function own.lock()
      return "token"
    end
    function own.unlock()
      return true
    end
    own.bytes = tampered

    local folder = scratch.folder()
    local options = { username = sandbox.username, password = sandbox.password }
    options.store = mic.store.file { path = folder:at "credentials" }
    mic.assert(sandbox:client(options):get "/user")
    for name in folder:names():gmatch "%S+" do
      if not name:find "~" then
        folder:write(name, tampered)
      end
    end

    for _, store in ipairs { own, mic.store.file { path = folder:at "credentials" } } do
      sandbox:seen()
      options.store = store
      local other = sandbox:client(options)
      assert.equal(200, mic.assert(other:get "/user").status)
      assert.equal("POST /auth/login\nGET /user", sandbox:seen())
      other:close()
    end
  end)

  it("of another API is not adopted", function()
    local other = sandbox:core { base_url = sandbox.origin .. "/test" }
    local adopted, kind, _, message = other:adopt(client:record())
    assert.same({ nil, "store", "the saved credentials belong to another API" },
      { adopted, kind, message })
    assert.equal("none", (other:freshness()))
    other:close()
  end)

  it("outlives its client", function()
    local record = client:record()
    local bytes = record:bytes()
    client:close()
    assert.equal(bytes, record:bytes())
    local adopted, kind = client:adopt(record)
    assert.same({ nil, "closed" }, { adopted, kind })
  end)
end)
