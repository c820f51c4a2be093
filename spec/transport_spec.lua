-- Every transport and every loop keep what spec/support/conformance.lua says; nginx_transport_spec
-- has the same for nginx.

local api = require "spec.support.api"
local conformance = require "spec.support.conformance"
local faults = require "spec.support.faults"
local loops = require "spec.support.loops"

local world, silent, early = {}, nil, nil

setup(function()
  world.sandbox = api.start()
  silent = faults.start "hold"
  world.silent_url = silent.url
  early = faults.start(faults.TWICE)
  world.early_url = early.url
end)

teardown(function()
  silent.stop()
  early.stop()
  world.sandbox:stop()
end)

for _, kind in ipairs(loops.all) do
  describe("the transport " .. kind.name, function()
    before_each(function()
      world.sandbox:reset()
      conformance.close(world)
    end)

    after_each(function()
      conformance.close(world)
    end)

    conformance.define(it, kind, world)
  end)
end
