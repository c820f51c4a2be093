-- Unsuitable environments, and their error messages.

local api = require "spec.support.api"
local loops = require "spec.support.loops"
local native = require "spec.support.native"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local lua = shell.lua
local jit = rawget(_G, "jit")

describe("a core of another Lua", function()
  local folder

  before_each(function()
    folder = scratch.folder()
    shell.check("mkdir " .. folder:at "mic")
  end)

  --- What `require` of this module raises with this file as the core.
  local function raised(module, make_core)
    make_core(folder:at "mic/core.so")
    local program = folder:write("program.lua", ([[
      package.cpath = %q .. "/?.so;" .. package.cpath
      ngx = { req = {} }
      print(select(2, pcall(require, %q)))
    ]]):format(folder.path, module))
    return shell.check(lua .. " " .. program)
  end

  local function copy_other(path)
    shell.check("cp " .. native.build "other_lua" .. " " .. path)
  end

  local function copy_later(path)
    shell.check("cp " .. native.build "later_lua" .. " " .. path)
  end

  it("is said to be one: both are named, and the file", function()
    local message = ("%s was built for Lua 9.9, and this is %s: build lua-mic for it (make install "
      .. "LUA=%s), or put its module first in package.cpath\n"):format(folder:at "mic/core.so",
      jit and "LuaJIT" or _VERSION, jit and "luajit" or "lua" .. _VERSION:match "5%.%d")
    for _, module in ipairs { "mic", "mic.nginx" } do
      assert.equal(message, raised(module, copy_other))
      if _VERSION ~= "Lua 5.1" then -- it cannot check
        assert.equal(message, raised(module, copy_later))
      end
    end
  end)

  it("is no other reason why it cannot be loaded", function()
    local text = raised("mic", function(path)
      shell.check("echo text > " .. path)
    end)
    assert.is_nil(text:find("was built for", 1, true))
    assert.is_truthy(text:find("mic.core", 1, true), text)
    assert.equal("mic.core was built for " .. (jit and "LuaJIT" or _VERSION),
      require "mic.core".built_for)
  end)
end)

describe("a call in a callback of luv's", function()
  local box = api.around()

  local function printed(options, body)
    return box:run(([[
      local uv = require "luv"
      local mic = require "mic"
      local client = mic.new { base_url = os.getenv "MIC_BASE_URL",
        api_key = os.getenv "MIC_API_KEY", tls = { ca_file = os.getenv "MIC_CA_FILE" }, %s }
      local function call()
        io.stdout:write(tostring((client:get("/metadata/manifest"))), "\n")
      end
      local timer = uv.new_timer()
      timer:start(1, 0, function()
        timer:close()
        %s
      end)
      uv.run()
    ]]):format(options, body))
  end

  local LINE = "mic: a call in a callback of luv blocks the loop, because it is not in a "
    .. "coroutine; use coroutine.wrap(function() … end)()\n"

  for _, options in ipairs { "", 'transport = "luv"' } do
    local with = "with " .. (options == "" and "no option" or options)

    it("blocks, and says so once, " .. with, function()
      local text = printed(options, "call() call()")
      assert.equal(1, select(2, text:gsub("mic: ", "")), text)
      assert.is_truthy(text:find(LINE, 1, true), text)
      assert.equal(2, select(2, text:gsub("mic%.response %(200", "")), text)
    end)

    it("in a coroutine says nothing, " .. with, function()
      local text = printed(options, "coroutine.wrap(function() call() call() end)()")
      assert.is_nil(text:find("mic: ", 1, true), text)
      assert.equal(2, select(2, text:gsub("mic%.response %(200", "")), text)
    end)
  end
end)

describe("status().transport", function()
  local box = api.around()

  it("tells how the last call waited, wherever one looks", function()
    local client = box:client()
    assert.equal("blocking", client:status().transport)
    local used = {}
    for _, kind in ipairs(loops.all) do
      if not kind.transport then
        kind.run(function()
          used[kind.name] = { client:get("/metadata/manifest").status, client:status().transport }
        end)
        assert.equal(used[kind.name][2], client:status().transport)
      end
    end
    assert.same({ ["cqueues, found"] = { 200, "cqueues" }, ["luv, found"] = { 200, "luv" } }, used)
    assert(client:get "/metadata/manifest")
    assert.equal("blocking", client:status().transport)
    assert.is_truthy(client:batch({ { path = "/metadata/manifest" } })[1].response)
    assert.equal("blocking", client:status().transport)
  end)
end)
