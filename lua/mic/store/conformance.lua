--- Conformance tests of a credential store, for our stores and for the user's own.

local core = require "mic.core"
local errors = require "mic.error"
local options = require "mic.options"

local spec = {
  aliases = { make = "new", store = "new", reopen = "again" },
  fields = {
    new = "function: a function that makes an empty store",
    again = "function: a function",
    sleep = "function: a function",
    shortest = "number: a positive number of seconds",
    it = "function|table: a function such as busted's `it`",
  },
  defaults = { shortest = 1 },
  checks = {
    shortest = function(value)
      return value > 0 and value <= 60
    end,
  },
  rule = function(given)
    if not given.new then
      errors.raise 'option "new" is required: a function that makes an empty store'
    end
  end,
}

local KEY = "https://api.example/prod anna"
local LONG = 45 -- seconds
local TRIES = 10 -- of what a busy machine may delay

--- Keys that a store might confuse.
local keys = {
  KEY,
  "https://api.example/prod Anna",
  "https://api.example/prod ",
  "https://api.example/prod%20anna",
  "https://api.example/prod anna.lock",
  "https://api.example/prod ../anna",
  "https://api.example/prod \195\165sa@example.com",
  "https://api.example/prod a:b*?'\"\\~",
}

--- A record in the first version of the format; later versions still read it.
local OLD_BYTES = "6d69632d7265636f7264010000000000000000000000000000000000000000000000000000000000"
  .. "00f03f080000006964656e7469747905000000746f6b656e07000000726566726573681b000000687474"
  .. "70733a2f2f636f6e666f726d616e63652e696e76616c6964"
  .. "ea0ef7a9"

--- Makes records that differ in their backoff time.
local function record(number)
  local bytes = OLD_BYTES:gsub("%x%x", function(digits)
    return string.char(tonumber(digits, 16))
  end)
  return assert(core.record(bytes)):with_retry_at(number)
end

local function fail(message, ...)
  error(message:format(...), 0)
end

local function show(value)
  return type(value) == "string" and "a string" or tostring(value)
end

--- Returns the number of a loaded record, an object or bytes.
local function number_of(loaded)
  if type(loaded) == "string" then
    local read, _, _, message = core.record(loaded)
    if not read then
      fail("load returned bytes that are not a record: %s", message)
    end
    loaded = read
  end
  local ok, number = pcall(function()
    return loaded:retry_at()
  end)
  if not ok then
    fail("load returned %s, neither a record object nor its bytes", show(loaded))
  end
  return number
end

local function expect_saved(store, key, number, ttl)
  local ok, err = store.save(key, record(number), ttl)
  if ok ~= true then
    fail("save returned %s, %s instead of true", show(ok), tostring(err))
  end
end

local function expect_cleared(store, key)
  local ok, err = store.save(key, nil)
  if ok ~= true then
    fail("save(key, nil) returned %s, %s instead of true", show(ok), tostring(err))
  end
end

local function expect_loaded(store, key, number)
  local loaded, err = store.load(key)
  if loaded == nil then
    fail("load returned nothing (%s) for a saved record", tostring(err))
  end
  if number_of(loaded) ~= number then
    fail "load returned a record other than the saved one"
  end
end

local function expect_nothing(store, key)
  local loaded, err = store.load(key)
  if loaded ~= nil or err ~= nil then
    fail("load returned %s, %s instead of nil alone", show(loaded), tostring(err))
  end
end

local function expect_locked(store, key, seconds)
  local token, err = store.lock(key, seconds)
  if not token then
    fail("lock returned %s, %s instead of a token", show(token), tostring(err))
  end
  return token
end

--- Another holder gets no lock, and is told so at once: a machine that is busy may keep it longer,
--- but not each time.
local function expect_busy(store, key)
  local quickest = math.huge
  for _ = 1, TRIES do
    local began = core.now()
    local token = store.lock(key, LONG)
    if token ~= false then
      fail("lock returned %s instead of false while another holder has the lock", show(token))
    end
    quickest = math.min(quickest, core.now() - began)
    if quickest <= 1 then
      return
    end
  end
  fail "lock waited: it has to return false at once"
end

--- A lock for a short time, which another holder does not get before that is over. Where the
--- machine is so busy that it is over when the other one has asked, that is seen with the next one.
local function expect_locked_for(store, key, seconds)
  for try = 1, TRIES do
    local began = core.now()
    local token = expect_locked(store, key, seconds)
    local other = store.lock(key, LONG)
    if other == false then
      return token
    end
    if core.now() - began < seconds or try == TRIES then
      fail("lock returned %s instead of false while another holder has the lock", show(other))
    end
    store.unlock(key, other)
  end
end

local tests = {}

local function test(name, run)
  tests[#tests + 1] = { name = name, run = run }
end

test("has load, save, lock and unlock, called with a dot", function(given)
  local store = given.new()
  for _, name in ipairs { "load", "save", "lock", "unlock" } do
    if type(store[name]) ~= "function" then
      fail("%s is not a function", name)
    end
  end
end)

test("has nothing at first", function(given)
  expect_nothing(given.new(), KEY)
end)

test("gives back what was saved last", function(given)
  local store = given.new()
  for number = 1, 3 do
    expect_saved(store, KEY, number)
    expect_loaded(store, KEY, number)
    expect_loaded(store, KEY, number)
  end
end)

test("keeps the bytes of a record as they are", function(given)
  local store = given.new()
  local bytes = record(1):bytes()
  expect_saved(store, KEY, 1)
  local loaded = store.load(KEY)
  if (type(loaded) == "string" and loaded or loaded:bytes()) ~= bytes then
    fail "the bytes are others than those that were saved (zeros, line ends, UTF-8?)"
  end
end)

test("forgets a record that is saved as nil, also when there is none", function(given)
  local store = given.new()
  expect_cleared(store, KEY)
  expect_saved(store, KEY, 1)
  expect_cleared(store, KEY)
  expect_nothing(store, KEY)
  expect_saved(store, KEY, 2)
  expect_loaded(store, KEY, 2)
end)

test("keeps a record for the time that it is asked to", function(given)
  local store = given.new()
  expect_saved(store, KEY, 1, LONG)
  expect_loaded(store, KEY, 1)
  expect_saved(store, KEY, 2, given.shortest)
  expect_saved(store, KEY, 3, LONG)
  given.sleep(2 * given.shortest)
  expect_loaded(store, KEY, 3)
end)

test("keeps the records of all keys apart", function(given)
  local store = given.new()
  for number, key in ipairs(keys) do
    expect_nothing(store, key)
    expect_saved(store, key, number)
  end
  for number, key in ipairs(keys) do
    expect_loaded(store, key, number)
  end
  expect_cleared(store, KEY)
  for number = 2, #keys do
    expect_loaded(store, keys[number], number)
  end
end)

test("gives the lock to one at a time, and never waits", function(given)
  local store = given.new()
  local token = expect_locked(store, KEY, LONG)
  expect_busy(store, KEY)
  store.unlock(KEY, token)
  store.unlock(KEY, expect_locked(store, KEY, LONG))
end)

test("keeps the locks of all keys apart", function(given)
  local store = given.new()
  local tokens = {}
  for number, key in ipairs(keys) do
    tokens[number] = expect_locked(store, key, LONG)
  end
  for number, key in ipairs(keys) do
    expect_busy(store, key)
    store.unlock(key, tokens[number])
    tokens[number] = expect_locked(store, key, LONG)
  end
  for number, key in ipairs(keys) do
    store.unlock(key, tokens[number])
  end
end)

test("takes the lock back from its holder only", function(given)
  local store = given.new()
  local token = expect_locked(store, KEY, LONG)
  store.unlock(KEY, "no token")
  store.unlock(KEY, nil)
  expect_busy(store, KEY)
  store.unlock(KEY, token)
  local second = expect_locked(store, KEY, LONG)
  store.unlock(KEY, token)
  expect_busy(store, KEY)
  store.unlock(KEY, second)
end)

test("ends a lock by itself, and then does not take it back from its old holder", function(given)
  local store = given.new()
  local late = expect_locked_for(store, KEY, given.shortest)
  given.sleep(2 * given.shortest)
  local token = expect_locked(store, KEY, LONG)
  store.unlock(KEY, late)
  expect_busy(store, KEY)
  store.unlock(KEY, token)
end)

test("saves under the lock, and loads without it", function(given)
  local store = given.new()
  local token = expect_locked(store, KEY, LONG)
  expect_nothing(store, KEY)
  expect_saved(store, KEY, 1)
  expect_loaded(store, KEY, 1)
  expect_busy(store, KEY)
  expect_cleared(store, KEY)
  expect_nothing(store, KEY)
  store.unlock(KEY, token)
end)

--- Tests with a second store object on the same data, as in another process.
local shared = {}

function shared.records(given)
  local store = given.new()
  local other = given.again(store)
  expect_saved(store, KEY, 1)
  expect_loaded(other, KEY, 1)
  expect_saved(other, KEY, 2)
  expect_loaded(store, KEY, 2)
  expect_cleared(store, KEY)
  expect_nothing(other, KEY)
end

function shared.lock(given)
  local store = given.new()
  local other = given.again(store)
  local token = expect_locked(store, KEY, LONG)
  expect_busy(other, KEY)
  store.unlock(KEY, token)
  local second = expect_locked(other, KEY, LONG)
  expect_busy(store, KEY)
  other.unlock(KEY, second)
end

--- Returns the tests of a store. Each has a `name`, and a `run()` that raises a text if the store
--- fails it.
---@param given table `new()` makes an empty store; `again(store)`, optional, makes another store
--- object on the same data, as a second process would; `sleep(seconds)` waits, by default in real
--- time; `shortest` is the shortest time that the store can count, by default 1 second;
--- `it(name, run)`, such as busted's, is called with each test
---@return table[] tests each with `name` and `run`
local function conformance(given)
  local checked = options.check(given, spec, "mic.store.conformance")
  checked.sleep = checked.sleep or core.sleep
  local chosen = {}
  local function choose(name, run)
    chosen[#chosen + 1] = {
      name = name,
      run = function()
        run(checked)
      end,
    }
  end
  for _, each in ipairs(tests) do
    choose(each.name, each.run)
  end
  if checked.again then
    choose("shares the records with another store object", shared.records)
    choose("shares the lock with another store object", shared.lock)
  end
  for _, each in ipairs(checked.it and chosen or {}) do
    checked.it(each.name, each.run)
  end
  return chosen
end

return conformance
