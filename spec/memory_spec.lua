-- Secrets in memory after close: none but Lua strings. The buffers of libcurl and the TLS library
-- are wiped. In an event loop the connections belong to the engine, which outlives the client.

local api = require "spec.support.api"
local libcurl = require "spec.support.libcurl"
local puppet = require "spec.support.puppet"
local scratch = require "spec.support.scratch"

--- Reversed, so that the text of the child itself is not found.
local TOKEN, REFRESH_TOKEN = ("n3kot-eht-fo-kram"), ("hserfer-eht-fo-kram")

local REPLY = ([[{"user":{"userName":"u"},"credentials":{"identityId":"identity",
  "token":"%s","refreshToken":"%s"}}]]):format(TOKEN:reverse(), REFRESH_TOKEN:reverse())

local CHILD = [[
  local client = mic.new { base_url = %q, api_key = "k", username = "u", password = "p",
    tls = { ca_file = %q }, http_version = %q, transport = %q, retry = false }
  local function work()
    assert(client:login())
    assert(client:get "/x")
    assert(client:refresh())
    assert(client:get "/x")
  end
  if client:status().transport == "cqueues" then
    local loop = require("cqueues").new()
    loop:wrap(work)
    assert(loop:loop())
  else
    work()
  end
  local TOKEN, REFRESH_TOKEN = %q, %q
  local function count()
    return tell("scan:" .. TOKEN), tell("scan:" .. REFRESH_TOKEN)
  end
  local tokens, refresh_tokens = count()
  assert(tokens > 0 and refresh_tokens > 0)
  client:close()
  if client:status().transport == "cqueues" then
    core.engine():close()
  end
  client = nil
  for _ = 1, 4 do
    collectgarbage()
  end
  print(count())
]]

--- Before libcurl 8.11.1 the HTTP/2 library has memory of its own, which is not wiped.
local function versions()
  return libcurl.before(8, 11, 1) and { "1.1" } or { "1.1", "2" }
end

describe("after a client and its connections were closed", function()
  local box = api.around()
  local folder = scratch.folder()

  for _, transport in ipairs { "blocking", "cqueues" } do
    for _, version in ipairs(versions()) do
      it(("no token is left in memory, by %s over HTTP/%s"):format(transport, version), function()
        box:reset()
        for _, path in ipairs { "/auth/login", "/auth/refresh" } do
          box:answer { path = path, body = REPLY }
        end
        for _ = 1, 2 do
          box:answer { path = "/x", body = "{}" }
        end
        assert.are.equal("0\t0\n", puppet.lua(folder, CHILD:format(box.base_url, box.ca_file,
          version, transport, TOKEN, REFRESH_TOKEN)))
      end)
    end
  end
end)
