-- The transport conformance test in an nginx worker.

local api = require "spec.support.api"
local conformance = require "spec.support.conformance"
local faults = require "spec.support.faults"
local loop_of_nginx = require "spec.support.loop_of_nginx"
local nginx = require "spec.support.nginx"

local box = api.around()

local early, gate = faults.start(faults.TWICE), faults.gate()

local server = nginx.start {
  path = nginx.root .. "/?.lua;",
  libraries = true,
  files = { ["the_sandbox.lua"] = box:module() },
  server = ([[
    location = /case { content_by_lua_block {
      require "spec.support.loop_of_nginx".serve {
        sandbox = require "the_sandbox", silent_url = %q,
        early = { url = %q, output = %q }, gate = { url = %q, output = %q, file = %q },
      }
    } }
  ]]):format(faults.start("hold").url, early.url, early.output, gate.url, gate.output, gate.file),
}

describe("the transport nginx", function()
  conformance.define(function(name)
    it(name, function()
      local problem, status = server:get("/case?name=" .. name:gsub(" ", "%%20"))
      assert.equal(200, status, problem .. server:errors())
    end)
  end, loop_of_nginx.kind, {})
end)
