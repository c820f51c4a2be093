-- The file store when its process is killed at every system call and at random, and when it forks.
-- Afterwards the record is complete and private, the old or the new one, and the next process
-- works.

local mic = require "mic"
local puppet = require "spec.support.puppet"
local records = require "spec.support.records"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local quote, run = shell.quote, shell.check

local KILLED = 137 -- what a shell says about SIGKILL
local MOST_STEPS = 100
local RANDOM_KILLS = 20

local record = records.numbered { token = "t0ken", identity = "identity" }

describe("the file store of a process that is killed", function()
  local folder, store

  before_each(function()
    folder = scratch.folder(true)
    store = mic.store.file { path = folder:at "store/credentials" }
  end)

  --- The number of the saved record; "none". Raises when it cannot be read.
  local function number()
    local loaded, err = store.load "key"
    assert.is_nil(err)
    return loaded and ("%d"):format(loaded:retry_at()) or "none"
  end

  --- Expects that all files are private and have names of the store.
  local function expect_private()
    local listed = run(("find %s -mindepth 1 -printf '%%m %%y %%f\\n' 2>&1 || true"):format(
      quote(folder:at "store")))
    for line in listed:gmatch "[^\n]+" do
      assert.is_truthy(line:match "^600 f credentials%.key$"
        or line:match "^600 f credentials%.key~lock$" or line:match "^600 f credentials%.key~new$"
        or line:match "^600 f credentials%.key~damaged$" or line:find "No such file", line)
    end
  end

  --- Expects that the next process can work: nothing is locked, nothing is left over.
  local function expect_working()
    local token = store.lock("key", 45)
    assert.is_truthy(token)
    local other = mic.store.file { path = folder:at "store/credentials" }
    assert.is_false((other.lock("key", 45)))
    store.unlock("key", token)
    assert.is_true(other.save("key", record(9)))
    assert.equal("9", number())
    local left = io.open(folder:at "store/credentials.key~new")
    assert.is_nil(left)
  end

  --- Kills a process before each of its steps, from the first to the last; returns how many steps
  --- it has, and how often what was saved afterwards.
  local function kill_everywhere(prepare, work, how)
    local seen = {}
    for step = 1, MOST_STEPS do
      run("rm -rf " .. quote(folder:at "store"))
      prepare()
      local printed, status = puppet.run(folder, ([[
        tell "fail:%s"
      ]]):format(how:format(step)) .. work .. [[
        io.stdout:write(tostring(tell "fired"))
      ]])
      expect_private()
      local saved = number()
      seen[saved] = (seen[saved] or 0) + 1
      expect_private()
      if status ~= KILLED then
        assert.equal("0", printed)
        return step - 1, seen
      end
      expect_working()
    end
    error "it has no end"
  end

  local SAVE = [[
    local token = store.lock(KEY, 45)
    assert(store.save(KEY, record(2)))
    store.unlock(KEY, token)
  ]]

  local function with_record()
    assert.is_true(store.save("key", record(1)))
  end

  it("has the old record or the new one, whole, whenever that was while it saved", function()
    local steps, seen = kill_everywhere(with_record, SAVE, "any:%d:kill")
    assert.is_true(steps > 20, steps)
    assert.is_true(seen["1"] > 10 and seen["2"] > 1, "both are seen")
    assert.is_nil(seen.none)
  end)

  it("has none or the new one when it is the first, in a folder that is not there yet", function()
    local steps, seen = kill_everywhere(function() end, SAVE, "any:%d:kill")
    assert.is_true(steps > 20, steps)
    assert.is_true(seen.none > 10 and seen["2"] > 1, "both are seen")
    assert.is_nil(seen["1"])
  end)

  it("has the old record when that was in the middle of a write", function()
    local steps, seen = kill_everywhere(with_record, SAVE, "write:%d:half")
    assert.equal(1, steps)
    assert.same({ ["1"] = 1, ["2"] = 1 }, seen)
  end)

  it("has the old record or none while it clears", function()
    local steps, seen = kill_everywhere(with_record, [[
      local token = store.lock(KEY, 45)
      assert(store.save(KEY, nil))
      store.unlock(KEY, token)
    ]], "any:%d:kill")
    assert.is_true(steps > 10, steps)
    assert.is_true(seen["1"] > 5 and seen.none > 1, "both are seen")
    assert.is_nil(seen["2"])
  end)

  it("has none while it sets damaged content aside", function()
    local steps, seen = kill_everywhere(function()
      with_record()
      local file = assert(io.open(folder:at "store/credentials.key", "wb"))
      file:write "damaged"
      file:close()
    end, "assert(store.load(KEY) == nil)", "any:%d:kill")
    assert.is_true(steps > 10, steps)
    assert.same({ none = steps + 1 }, seen)
  end)

  it("has a whole record after kills at random", function()
    with_record()
    local last = 1
    for round = 1, RANDOM_KILLS do
      local command = puppet.command(folder, [[
        for n = 2, 1e6 do
          local token = store.lock(KEY, 45)
          assert(store.save(KEY, record(n)))
          store.unlock(KEY, token)
          assert(number() == n)
          if n == 2 then
            print "saved"
            io.stdout:flush()
          end
        end
      ]])
      --- It prints its process id and "saved"; then it is killed within some milliseconds.
      local pipe = shell.start("echo $$; exec " .. command)
      local process = pipe:read "*l"
      assert.equal("saved", pipe:read "*l")
      run(("sleep 0.00%d; kill -9 %s"):format(round * 7 % 10, process))
      pipe:close()
      expect_private()
      local saved = tonumber(number())
      assert.is_true(saved >= 2)
      last = math.max(last, saved)
      local token = store.lock("key", 45)
      assert.is_truthy(token)
      store.unlock("key", token)
    end
    assert.is_true(last > 2)
    expect_working()
  end)
end)

describe("the lock of the file store", function()
  local folder, store

  before_each(function()
    folder = scratch.folder(true)
    store = mic.store.file { path = folder:at "store/credentials" }
  end)

  it("ends with its process", function()
    local command = puppet.command(folder, [[
      print(store.lock(KEY, 1e6) ~= false)
      io.stdout:flush()
      io.read "*a"
    ]])
    local pipe = shell.start("exec " .. command .. " >" .. quote(folder:at "out"), "w")
    while folder:read "out" ~= "true\n" do
      run "sleep 0.01"
    end
    assert.is_false(store.lock("key", 45))
    pipe:close()
    assert.is_truthy(store.lock("key", 45))
  end)

  it("does not belong to a forked child, whatever that does", function()
    local printed = puppet.lua(folder, [[
      local owner = {}
      local token = store.lock(KEY, 45, owner)
      local child = tell "fork"
      if child == 0 then
        local busy = store.lock(KEY, 45) == false and store.lock(KEY, 45, owner) == false
        local refused = select(2, store.save(KEY, record(1))).code == "EAGAIN"
        local kept = store.unlock(KEY, token) == false
        store = nil
        collectgarbage()
        collectgarbage()
        tell("exit:" .. ((busy and 1 or 0) + (refused and 2 or 0) + (kept and 4 or 0)))
      end
      print(tell("wait:" .. child))
      print((mic.store.file { path = PATH }.lock(KEY, 45)))
      print(store.save(KEY, record(1)), store.unlock(KEY, token))
    ]])
    assert.equal("7\nfalse\ntrue\ttrue\n", printed)
  end)

  it("is free once its holder has given it back, although a forked child lives on", function()
    local printed = puppet.lua(folder, [[
      local token = store.lock(KEY, 45)
      local child = tell "fork"
      if child == 0 then
        core.sleep(30)
        tell "exit:0"
      end
      local before = mic.store.file { path = PATH }.lock(KEY, 45)
      store.unlock(KEY, token)
      print(before, mic.store.file { path = PATH }.lock(KEY, 45) ~= false)
      tell("kill:" .. child)
    ]])
    assert.equal("false\ttrue\n", printed)
  end)

  --- The holder dies and its child lives: the child releases the lock when it uses the store or
  --- ends.
  local function orphan(what)
    return puppet.lua(folder, [[
      local holder = tell "fork"
      if holder == 0 then
        store.lock(KEY, 1e6)
        local child = tell "fork"
        if child == 0 then
          io.open(FOLDER .. "/forked", "w"):close()
          while not io.open(FOLDER .. "/go") do
            core.sleep(0.01)
          end
          ]] .. what .. [[
          io.open(FOLDER .. "/done", "w"):close()
          core.sleep(30)
          tell "exit:0"
        end
        local told = io.open(FOLDER .. "/child", "w")
        told:write(child, "\n")
        told:close()
        core.sleep(30)
      end
      local child
      while not io.open(FOLDER .. "/forked") or not child do
        core.sleep(0.01)
        local told = io.open(FOLDER .. "/child")
        child = told and told:read "*n"
      end
      tell("kill:" .. holder)
      tell("wait:" .. holder)
      io.write(tostring(store.lock(KEY, 45)), " ")
      io.open(FOLDER .. "/go", "w"):close()
      while not io.open(FOLDER .. "/done") do
        core.sleep(0.01)
      end
      print(store.lock(KEY, 45) ~= false)
      tell(("kill:%d"):format(child))
    ]])
  end

  it("is released by a child of its dead holder when that uses the store", function()
    assert.equal("false true\n", orphan "store.load(KEY)")
  end)

  it("is released by a child of its dead holder when that drops the store", function()
    assert.equal("false true\n", orphan "store = nil; collectgarbage(); collectgarbage()")
  end)

  it("is no longer needed by a child that makes a store of its own", function()
    local printed = puppet.lua(folder, [[
      store.save(KEY, record(1))
      local child = tell "fork"
      if child == 0 then
        local own = mic.store.file { path = PATH }
        local token = own.lock(KEY, 45)
        own.save(KEY, record(2))
        own.unlock(KEY, token)
        tell "exit:0"
      end
      print(tell("wait:" .. child), number() == 2)
    ]])
    assert.equal("0\ttrue\n", printed)
  end)

  it("is held by one of many processes at a time", function()
    local command = puppet.command(folder, [[
      local taken = 0
      while taken < 20 do
        local token = store.lock(KEY, 45)
        if token then
          taken = taken + 1
          local counter = io.open(FOLDER .. "/counter")
          local count = counter and counter:read "*n" or 0
          if counter then
            counter:close()
          end
          counter = io.open(FOLDER .. "/counter", "w")
          counter:write(count + 1)
          counter:close()
          assert(store.save(KEY, record(count + 1)))
          assert(number() == count + 1)
          store.unlock(KEY, token)
        else
          number()
        end
      end
    ]])
    run((command .. " & "):rep(6) .. " wait")
    assert.equal(120, store.load("key"):retry_at())
    assert.equal("120", folder:read("counter"):match "%d+")
  end)
end)
