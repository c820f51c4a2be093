-- The file store when system calls fail: each call with each possible error. The error names code,
-- path and remedy; the saved record stays; the next use works.

local mic = require "mic"
local puppet = require "spec.support.puppet"
local records = require "spec.support.records"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local quote, run = shell.quote, shell.check

--- What a child does for each fault: lock, save the record 2 over the record 1, load, unlock. It
--- prints what failed at each call that was made to fail, and checks what is left.
local WORK = [[
local WHAT, FRESH = %q, %s

local function descriptors()
  collectgarbage()
  collectgarbage()
  return tell "descriptors"
end

local function check(err, what)
  assert(err.kind == "store", what)
  assert(err.code == WHAT:match "^E%%u+$", what .. ": " .. tostring(err))
  assert(err.message:find(FOLDER .. "/store", 1, true), what .. ": " .. tostring(err))
  assert(err.message:find ";" or err.code == "ENOMEM", what .. ": " .. tostring(err))
  assert(not tostring(err):find "t0ken")
  return what
end

--- The outcome as text: the first function that failed, or "-".
local function work()
  local failed = {}
  local token, err = store.lock(KEY, 45)
  if not token then
    failed[#failed + 1] = check(err, "lock")
  end
  local saved, save_err = store.save(KEY, record(2))
  if not saved then
    failed[#failed + 1] = check(save_err, "save")
  end
  local loaded, load_err = store.load(KEY)
  if load_err then
    failed[#failed + 1] = check(load_err, "load")
  elseif saved then
    assert(loaded and loaded:retry_at() == 2, "what was saved is loaded")
  end
  if token then
    assert(store.unlock(KEY, token))
  end
  return saved, #failed > 0 and table.concat(failed, "+") or "-"
end

local function prepare()
  if FRESH then
    os.execute("rm -rf " .. PATH:match "^(.*)/")
  else
    assert(store.save(KEY, record(1)))
  end
end

local function fault(call, at)
  prepare()
  assert(tell("fail:" .. call .. ":" .. at .. ":" .. WHAT) == 0)
  local saved, failed = work()
  local fired = tell "fired"
  assert(tell "fail:none:1:EIO" == 0)
  local left = number()
  local old = FRESH and "none" or 1
  assert(left == 2 or not saved and left == old, "left: " .. left)
  local other = mic.store.file { path = PATH }
  local token = assert(other.lock(KEY, 45), "locked for ever")
  assert(other.save(KEY, record(3)) and number(other) == 3)
  assert(not io.open(PATH .. "." .. KEY .. "~new"), "a temporary file is left")
  other.unlock(KEY, token)
  return fired > 0 and failed or nil
end

prepare()
work()
local before = descriptors()
for call in ("%s"):gmatch "%%S+" do
  local outcomes = {}
  for at = 1, 60 do
    local failed = fault(call, at .. "%s")
    if not failed then
      break
    end
    outcomes[#outcomes + 1] = failed
  end
  assert(#outcomes < 60, "it has no end")
  print(call .. ": " .. table.concat(outcomes, " "))
end
assert(descriptors() == before, "descriptors are left open")
]]

describe("the file store", function()
  local folder

  before_each(function()
    folder = scratch.folder(true)
  end)

  --- The outcomes by call, as a list each: { fsync = { "save", "save" } }.
  local function outcomes(what, calls, how)
    how = how or {}
    local printed = puppet.lua(folder,
      WORK:format(what, tostring(how.fresh or false), calls, how.onwards and "+" or ""))
    local found = {}
    for call, list in printed:gmatch "(%l+): ([^\n]*)\n" do
      found[call] = {}
      for outcome in list:gmatch "%S+" do
        table.insert(found[call], outcome)
      end
    end
    return found
  end

  local function count(list, wanted)
    local found = 0
    for _, outcome in ipairs(list) do
      found = found + (outcome == wanted and 1 or 0)
    end
    return found
  end

  --- Expects that at least this many calls of each kind failed, and no others.
  local function expect(found, call, locks, saves, loads)
    local list = assert(found[call], call)
    assert.same({ call, locks, saves, loads },
      { call, count(list, "lock"), count(list, "save"), count(list, "load") })
  end

  local interruptible = "open openat flock read write fsync close"

  it("goes on after signals that interrupt its calls", function()
    for call, list in pairs(outcomes("EINTR", interruptible)) do
      assert.is_true(#list > 0, call)
      assert.equal(#list, count(list, "-"), call .. ": " .. table.concat(list, " "))
    end
  end)

  it("goes on after reads and writes that do less than they were asked to", function()
    local found = outcomes("short", "any write", { onwards = true })
    for call, list in pairs(found) do
      assert.is_true(#list > 0, call)
      assert.equal(#list, count(list, "-"), call .. ": " .. table.concat(list, " "))
    end
    found = outcomes("short", "write")
    assert.is_true(#found.write > 0)
  end)

  for _, code in ipairs { "ENOSPC", "EDQUOT", "EIO" } do
    it("keeps the old record when a write fails with " .. code, function()
      local found = outcomes(code, "write fsync renameat")
      expect(found, "write", 0, 1, 0)
      expect(found, "fsync", 0, 2, 0) -- the file's and the folder's
      expect(found, "renameat", 0, 1, 0)
    end)
  end

  it("fails when closing the new file does: there are file systems that write only then", function()
    local found = outcomes("EDQUOT", "close")
    assert.equal(1, count(found.close, "save"))
    assert.equal(0, count(found.close, "lock") + count(found.close, "load"))
  end)

  it("does without a folder that can be synced where there is none", function()
    local found = outcomes("EINVAL", "fsync")
    assert.same({ "save", "-" }, found.fsync)
  end)

  it("says so when the disk cannot be read", function()
    local found = outcomes("EIO", "read fstat fstatat unlinkat fchmod flock")
    assert.is_true(count(found.read, "load") > 0 and count(found.read, "save") > 0)
    assert.is_true(count(found.fstat, "load") > 0 and count(found.fstat, "lock") > 0)
    expect(found, "unlinkat", 0, 1, 0)
    expect(found, "fchmod", 0, 1, 0)
    expect(found, "flock", 1, 0, 0)
  end)

  for _, code in ipairs { "EACCES", "EMFILE", "ENFILE", "EROFS", "ENOMEM", "EIO" } do
    it("says so when nothing can be opened: " .. code, function()
      local found = outcomes(code, "open openat")
      expect(found, "open", 1, 1, 1)
      assert.is_true(count(found.openat, "lock") == 1 and count(found.openat, "load") == 1)
      assert.equal(2, count(found.openat, "save")) -- the present record, and the new one
    end)

    it("says so when the folder cannot be made: " .. code, function()
      local found = outcomes(code, "mkdir openat", { fresh = true })
      assert.is_true(#found.mkdir > 0)
      assert.equal(0, count(found.mkdir, "-"))
      assert.is_true(count(found.openat, "lock") > 0 and count(found.openat, "save") > 0)
    end)
  end

  it("says so where there are no locks, and then does not save", function()
    local found = outcomes("ENOLCK", "flock", { onwards = true })
    assert.same({ "lock+save", "-" }, { found.flock[1], found.flock[#found.flock] })
  end)

  it("survives when everything fails, from any call on", function()
    for _, code in ipairs { "EIO", "ENOSPC", "EACCES", "EMFILE", "EROFS" } do
      for _, fresh in ipairs { false, true } do
        local found = outcomes(code, "any", { onwards = true, fresh = fresh })
        assert.is_true(#found.any > 20, code)
        assert.equal("lock+save+load", found.any[1])
      end
    end
  end)

  it("survives the failure of any single call", function()
    for _, code in ipairs { "EIO", "ENOSPC", "EACCES", "EMFILE", "EROFS", "ENOMEM" } do
      for _, fresh in ipairs { false, true } do
        local found = outcomes(code, "any", { fresh = fresh })
        assert.is_true(#found.any > 20, code)
      end
    end
  end)
end)

describe("the file store, when another process acts between two of its calls,", function()
  local folder

  before_each(function()
    folder = scratch.folder(true)
  end)

  it("sets no good record aside for the damaged one that it has read", function()
    local printed = puppet.lua(folder, [[
      assert(store.save(KEY, record(5)))
      local file = PATH .. "." .. KEY
      os.execute(("cp -p %s %s/good; echo damaged > %s"):format(file, FOLDER, file))
      tell(("hook:mv %s/good %s"):format(FOLDER, file))
      tell "fail:openat:2:hook" -- the record is open; now the lock would be
      print(store.load(KEY), tell "fired")
      print(number() == 5)
    ]])
    assert.equal("nil\t1\ntrue\n", printed)
  end)

  it("locks no file that was removed meanwhile", function()
    local printed = puppet.lua(folder, [[
      assert(store.save(KEY, record(5)))
      tell(("hook:rm %s.%s~lock"):format(PATH, KEY))
      tell "fail:flock:1:hook"
      print(store.lock(KEY, 45), tell "fired")
      print((mic.store.file { path = PATH }.lock(KEY, 45)))
    ]])
    assert.equal("1\t1\nfalse\n", printed)
  end)

  it("opens the lock and the folder that another process has just created", function()
    local printed = puppet.lua(folder, [[
      tell(("hook:mkdir -m 700 %s"):format(PATH:match "^(.*)/"))
      tell "fail:mkdir:1:hook"
      print(store.lock(KEY, 45), tell "fired")
      local other = mic.store.file { path = PATH }
      tell(("hook:umask 077; : > %s.other~lock"):format(PATH))
      tell "fail:openat:2:hook" -- there was none; now it would be made
      print(other.lock("other", 45), tell "fired")
    ]])
    assert.equal("1\t1\n1\t1\n", printed)
  end)

  it("does not save over what may not be replaced", function()
    local printed = puppet.lua(folder, [[
      assert(store.save(KEY, record(5)))
      tell(("hook:mkdir %s.%s~new"):format(PATH, KEY))
      tell "fail:openat:3:hook" -- lock and old record were opened; now the new one would be made
      local _, err = store.save(KEY, record(6))
      print(err.code, tell "fired", number() == 5)
    ]])
    assert.equal("EEXIST\t1\ttrue\n", printed)
  end)
end)

describe("the file store meets for real", function()
  local folder, store

  local record = records.numbered { token = "t0ken", identity = "identity" }

  before_each(function()
    folder = scratch.folder()
    store = mic.store.file { path = folder:at "store/credentials" }
    assert.is_true(store.save("key", record(1)))
  end)

  local function expect_old()
    assert.equal(1, store.load("key"):retry_at())
    local names = run("ls " .. quote(folder:at "store"))
    assert.equal("credentials.key\ncredentials.key~lock\n", names)
  end

  it("a process without free descriptors", function()
    local command = puppet.command(folder, [[
      local open = {}
      while #open < 1000 do
        local file = io.open "/dev/null"
        if not file then
          break
        end
        open[#open + 1] = file
      end
      for _, name in ipairs { "load", "lock", "save" } do
        local _, err = store[name](KEY, name == "lock" and 45 or record(2))
        print(name, err.code, (err.message:gsub(FOLDER, "")))
      end
      open[1]:close()
      print(select(2, store.lock(KEY, 45)).message:gsub(FOLDER, ""))
      for _, file in ipairs(open) do
        pcall(file.close, file)
      end
      print(number() == 1, store.lock(KEY, 45) ~= false)
    ]])
    local printed = run("ulimit -n 100; " .. command)
    local problem = "too many open files in this process; close some, or raise the limit "
      .. "(ulimit -n): /store"
    assert.equal("load\tEMFILE\t" .. problem .. "\nlock\tEMFILE\t" .. problem
      .. "\nsave\tEMFILE\t" .. problem .. "\n" .. problem .. "/credentials.key~lock\t1\n"
      .. "true\ttrue\n", printed)
  end)

  it("a limit for files that leaves no room", function()
    local command = puppet.command(folder, [[
      local saved, err = store.save(KEY, record(2))
      print(saved, err.code, (err.message:gsub(FOLDER, "")))
    ]])
    local printed = run("trap '' XFSZ; ulimit -f 0; " .. command .. " | cat")
    assert.equal("nil\tEFBIG\tthe file is too large for the file system; choose another path: "
      .. "/store/credentials.key~new\n", printed)
    expect_old()
  end)

  it("a full disk", function()
    local command = puppet.command(folder, [[
      local full = io.open(FOLDER .. "/store/full", "w")
      if full then -- a file system of its own, filled up
        full:setvbuf "no"
        while full:write(("x"):rep(4096)) do end
        full:close()
      else -- none could be mounted here
        tell "fail:write:1+:ENOSPC"
      end
      local saved, err = store.save(KEY, record(2))
      print(saved, err.code, (err.message:gsub(FOLDER, "")))
      tell "fail:none:1:EIO"
      os.remove(FOLDER .. "/store/full")
      print(number() == 1, store.save(KEY, record(3)), number() == 3)
    ]])
    local mount = ("mount -t tmpfs -o size=64k,mode=700 none %s"):format(quote(folder:at "store"))
    --- The record moves to the other file system.
    local saved = "store/credentials.key"
    local inside = table.concat({ "set -e", "cd " .. quote(folder.path),
      "cp -p " .. saved .. " kept", mount, "cp -p kept " .. saved, command }, "; ")
    local plain = ("mkdir %s; %s"):format(quote(folder:at "store/full"), command)
    local printed = run(("if unshare -m true 2>/dev/null; then unshare -m sh -c %s; "
      .. "elif unshare -rm true 2>/dev/null; then unshare -rm sh -c %s; else %s; fi"):format(
      quote(inside), quote(inside), plain))
    assert.equal("nil\tENOSPC\tno space left on the device; make room: /store/credentials.key~new\n"
      .. "true\ttrue\ttrue\n", printed)
  end)
end)
