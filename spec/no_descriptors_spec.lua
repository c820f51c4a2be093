-- A process without free descriptors, and one without /dev: child processes, since the limit is per
-- process.

local api = require "spec.support.api"
local core = require "mic.core"
local libcurl = require "spec.support.libcurl"
local native = require "spec.support.native"
local shell = require "spec.support.shell"

local LIMIT = 48 -- descriptors of a process

--- What the programs begin with: `hog(left)` opens all but so many descriptors and returns a
--- function that closes them; `new(options)` makes a client; `tell(…)` calls a function and says
--- how that ended in two words; `run(main)` runs a function in the loop that LOOP names.
local BEGIN = [[
  local core, mic = require "mic.core", require "mic"
  local loop = os.getenv "LOOP"
  local cqueues = loop == "cqueues" and require "cqueues"
  local uv = loop == "luv" and require "luv"

  local function hog(left)
    local files = {}
    for index = 1, math.huge do
      files[index] = io.open "."
      if not files[index] then
        break
      end
    end
    local function close()
      local file = table.remove(files)
      return file and file:close()
    end
    for _ = 1, left do
      close()
    end
    return function()
      while close() do end -- luacheck: ignore
    end
  end

  local function new(options)
    local all = {
      base_url = os.getenv "MIC_BASE_URL",
      api_key = os.getenv "MIC_API_KEY",
      username = os.getenv "MIC_USERNAME",
      password = os.getenv "MIC_PASSWORD",
      tls = { ca_file = os.getenv "MIC_CA_FILE" },
      retry = false,
    }
    for name, value in pairs(options or {}) do
      all[name] = value
    end
    return mic.new(all)
  end

  local function word(result, err)
    if result then
      return "ok"
    end
    assert(type(err) == "table" and err.message:find "^[%w]", tostring(err))
    return err.kind .. " " .. tostring(err.code)
  end

  local function tell(task, ...)
    return word(task(...))
  end

  local function run(main)
    if cqueues then
      local controller = cqueues.new()
      controller:wrap(main)
      assert(controller:loop())
    elseif uv then
      local timer = uv.new_timer()
      timer:start(0, 0, function()
        timer:close()
        assert(coroutine.resume(coroutine.create(main)))
      end)
      uv.run()
    else
      main()
    end
  end
]]

describe("without descriptors", function()
  local box = api.around()

  --- What a program prints.
  local function run(code, loop, before)
    local command = box:command(BEGIN .. code)
    local output, status = shell.run(("ulimit -n %d; LOOP=%s timeout 60 env %s %s 2>&1"):format(
      LIMIT, loop or "''", before or "", command))
    assert.are.equal(0, status, output)
    return output
  end

  for _, loop in ipairs { "blocking", "cqueues", "luv" } do
    it("each call is an error, and works once there are some, " .. loop, function()
      local output = run([[
        run(function()
          local told = {}
          for left = 0, 12 do
            local client = new()
            local give_back = hog(left)
            local outcome = tell(client.get, client, "/user")
            give_back()
            told[outcome] = true
            assert(outcome == "network EMFILE" or outcome == "ok", outcome)
            assert(tell(client.get, client, "/user") == "ok", "afterwards")
            client:close()
          end
          print(told["network EMFILE"], told.ok)
        end)
      ]], loop)
      assert.are.equal("true\ttrue\n", output)
    end)

    it("a login, a refresh, a retry, a batch and files are errors, " .. loop, function()
      local output = run([[
        run(function()
          local folder = os.tmpname()
          os.remove(folder)
          local client = new { store = mic.store.file { path = folder .. "/x" } }
          local give_back = hog(0)
          print(tell(client.login, client))
          print(tell(client.get, client, "/user", { retry = { attempts = 3, base = 0.01 } }))
          local results = client:batch { { path = "/user" }, { path = "/user" } }
          print(word(results[1].response, results[1].err))
          print(word(results[2].response, results[2].err))
          give_back()
          assert(client:login())
          give_back = hog(0)
          print(tell(client.refresh, client))
          print(tell(client.get, client, "/user", { save_to = folder .. "/y" }))
          print(tell(client.put, client, "/user", nil, { body_file = folder .. "/x" }))
          give_back()
          os.execute("rm -rf " .. folder)
        end)
      ]], loop)
      assert.are.equal(("network EMFILE\n"):rep(4) .. "store EMFILE\n"
        .. ("file EMFILE\n"):rep(2), output)
    end)
  end

  it("a loop of luv that can watch no socket goes on all the same", function()
    assert.are.equal("ok\n", run([[
      uv.new_poll = function()
        return nil, "EMFILE: too many open files", "EMFILE"
      end
      run(function()
        local client = new()
        print(tell(client.get, client, "/user"))
      end)
    ]], "luv"))
  end)
end)

describe("random numbers", function()
  local function draw(environment)
    local library = native.build "no_random"
    local code = 'local core = require "mic.core" for _ = 1, 3 do '
      .. 'print(("%.17g"):format(core.random())) end'
    local output, status = shell.run(("env %s LD_PRELOAD=%s %s -e %s 2>&1"):format(environment,
      environment:find "KERNEL=1" and "''" or library, os.getenv "LUA" or "lua5.4",
      shell.quote(code)))
    if environment == "NO_DEV=1" and libcurl.tls == "wolfSSL" then -- it does not start without any
      assert.is_truthy(output:find("libcurl could not be started", 1, true), output)
      return {}
    end
    assert.are.equal(0, status, output)
    local numbers = {}
    for number in output:gmatch "%S+" do
      numbers[#numbers + 1] = assert(tonumber(number))
      assert.is_true(numbers[#numbers] >= 0 and numbers[#numbers] < 1)
    end
    assert.are.equal(3, #numbers)
    return numbers
  end

  it("need no /dev, and no kernel that has any", function()
    local seen = {}
    for _, environment in ipairs { "KERNEL=1", "DEVICE=1", "NO_DEV=1", "NO_DEV=1" } do
      for _, number in ipairs(draw(environment)) do
        assert.is_nil(seen[number])
        seen[number] = true
      end
    end
  end)

  it("fill the range evenly", function()
    local counts = { 0, 0, 0, 0 }
    for _ = 1, 4000 do
      local quarter = 1 + math.floor(core.random() * 4)
      counts[quarter] = counts[quarter] + 1
    end
    for _, count in ipairs(counts) do
      assert.is_true(count > 800 and count < 1200, tostring(count))
    end
  end)
end)
