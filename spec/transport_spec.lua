-- The transport conformance test, spec/support/conformance.lua, for every transport and loop;
-- nginx_transport_spec runs it in nginx.

local api = require "spec.support.api"
local conformance = require "spec.support.conformance"
local faults = require "spec.support.faults"
local loops = require "spec.support.loops"

local world = {
  sandbox = api.around(),
  silent_url = faults.start("hold").url,
  early = faults.start(faults.TWICE),
  gate = faults.gate(),
}

for _, kind in ipairs(loops.all) do
  describe("the transport " .. kind.name, function()
    before_each(function()
      conformance.close(world)
    end)

    conformance.define(it, kind, world)
  end)
end
