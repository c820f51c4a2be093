-- examples/kong and examples/apisix: each plugin in an nginx, with stand-ins for the functions of
-- its host that it uses. They do what those are documented to do, and fail when used otherwise.

local api = require "spec.support.api"
local blocks = require "spec.support.blocks"
local nginx = require "spec.support.nginx"
local tree = require "spec.support.tree"

local EXAMPLES = nginx.root .. "/examples"

--- Options of both plugins for a sandbox, as Lua text.
local function configuration(box, more)
  return ("base_url = %q, api_key = %q, username = %q, password = %q, ca_file = %q,"
    .. 'shared_dict = "mic_credentials", %s'):format(box.base_url, box.api_key, box.username,
    box.password, box.ca_file, more or "")
end

--- Kong: the global `kong`, and what a schema requires.
local KONG = [[
local typedefs = { no_consumer = {}, protocols_http = {} }
function typedefs.url(more)
  local field = { type = "string", is_url = true }
  for name, value in pairs(more or {}) do
    field[name] = value
  end
  return field
end
package.loaded["kong.db.schema.typedefs"] = typedefs

kong = { log = {}, response = {} }
function kong.log.err(...)
  ngx.log(ngx.ERR, "[kong] ", ...)
end
function kong.response.exit(status, body)
  assert(ngx.get_phase() == "access")
  ngx.status = status
  ngx.header["Content-Type"] = "application/json"
  ngx.print(require("cjson").encode(body))
  return ngx.exit(status)
end

local host = { handler = require "kong.plugins.mic.handler" }
local config
for _, field in ipairs(require("kong.plugins.mic.schema").fields) do
  config = field.config or config
end

--- As Kong does with what a user enters: defaults, types, then the plugin's own check.
function host.accept(given)
  local conf, fields = {}, {}
  for _, field in ipairs(config.fields) do
    local name, spec = next(field)
    fields[name] = spec
    local value = given[name]
    if value == nil then
      value = spec.default
    end
    if value == nil and spec.required then
      return nil, name .. ": required field missing"
    elseif value ~= nil and type(value) ~= spec.type then
      return nil, name .. ": expected a " .. spec.type
    elseif value and spec.is_url and not value:find "^https?://[^/]" then
      return nil, name .. ": missing host in url"
    end
    conf[name] = value == nil and ngx.null or value -- what the check sees
  end
  for name in pairs(given) do
    if not fields[name] then
      return nil, name .. ": unknown field"
    end
  end
  local ok, err = config.custom_validator(conf)
  if not ok then
    return nil, err
  end
  for name, value in pairs(conf) do
    conf[name] = value ~= ngx.null and value or nil -- what the handler gets
  end
  return conf
end

function host.access(conf)
  host.handler:access(conf)
end
function host.log(conf)
  host.handler:log(conf)
end
return host
]]

--- APISIX: `apisix.core`.
local APISIX = [[
local core = { log = {}, lrucache = {}, schema = {} }
function core.log.error(...)
  ngx.log(ngx.ERR, "[apisix] ", ...)
end
function core.lrucache.new(options)
  assert(options.type == "plugin" and options.count > 0)
  local kept = {}
  return function(key, version, create, ...)
    local found = kept[key]
    if not found or found.version ~= version then
      found = { value = assert(create(...)), version = version }
      kept[key] = found
    end
    return found.value
  end
end
function core.lrucache.plugin_ctx(cache, ctx, extra, create, ...)
  assert(extra == nil)
  return cache(ctx.conf_type .. "#" .. ctx.conf_id, ctx.conf_version, create, ...)
end
function core.schema.check(schema, conf)
  for _, name in ipairs(schema.required) do
    if conf[name] == nil then
      return false, ('property "%s" is required'):format(name)
    end
  end
  for name, property in pairs(schema.properties) do
    if conf[name] == nil then
      conf[name] = property.default
    elseif type(conf[name]) ~= property.type then
      return false, ('property "%s" validation failed: wrong type'):format(name)
    end
  end
  return true
end
package.loaded["apisix.core"] = core

local host = { handler = require "apisix.plugins.mic" }
assert(host.handler.name == "mic" and host.handler.priority > 0 and host.handler.version)
for _, name in ipairs(host.handler.schema.encrypt_fields) do
  assert(host.handler.schema.properties[name])
end

function host.accept(given)
  local ok, err = host.handler.check_schema(given)
  return ok and given or nil, err
end

--- APISIX may hand another table with the same content to each request.
local function copy(conf)
  local copied = {}
  for name, value in pairs(conf) do
    copied[name] = value
  end
  return copied
end

local function context(conf)
  local id = conf.profile .. (conf.username or conf.client_id)
  return { conf_type = "route", conf_id = id, conf_version = 1 }
end

function host.access(conf)
  local status, body = host.handler.access(copy(conf), context(conf))
  if status then
    ngx.status = status
    ngx.header["Content-Type"] = "application/json"
    ngx.print(require("cjson").encode(body))
    return ngx.exit(status)
  end
end
function host.log(conf)
  host.handler.log(copy(conf), context(conf))
end
return host
]]

for name, host in pairs { kong = KONG, apisix = APISIX } do
  describe("the plugin of examples/" .. name, function()
    local box = api.start()

    local function location(place, conf)
      return ([[
  location %s {
    access_by_lua_block { local host = require "host"; host.access(require "%s") }
    log_by_lua_block { local host = require "host"; host.log(require "%s") }
    %s
  }
]]):format(place, conf, conf, nginx.proxy(box.base_url, box.ca_file))
    end

    local function module(conf)
      return ('return assert(require("host").accept { %s })'):format(conf)
    end

    local server = nginx.start {
      workers = 2,
      path = ("%s/%s/?.lua;"):format(EXAMPLES, name),
      files = {
        ["host.lua"] = host,
        ["good.lua"] = module(configuration(box)),
        ["wrong.lua"] = module(configuration(box, 'username = "anna", password = "wrong"')),
        ["other.lua"] = module(("base_url = %q, profile = 'oauth2', auth_url = %q,"
          .. "client_id = 'demo', client_secret = %q, ca_file = %q"):format(
          box.base_url, box.base_url .. "/oauth2/token", box.password, box.ca_file)),
      },
      http = [[
        lua_shared_dict mic_credentials 1m;
        init_by_lua_block { require "host" require "good" require "wrong" require "other" }
      ]],
      server = location("/api/", "good") .. location("/wrong/", "wrong")
        .. location("/other/", "other") .. [[
  location = /check {
    content_by_lua_block {
      ngx.req.read_body()
      local ok, err = require("host").accept(require("cjson").decode(ngx.req.get_body_data()))
      ngx.print(ok and "accepted" or err)
    }
  }
]],
    }

    it("gives requests the credentials of one client, and removes their own", function()
      for _ = 1, 8 do
        local body, status = server:get("/api/user",
          "-H 'Authorization: mine' -H 'identityId: mine' -H 'x_api_key: mine'")
        assert.equal(200, status, server:errors())
        assert.is_truthy(body:find('"userName":"demo"', 1, true))
      end
      assert.equal(1, box:counters().login)
    end)

    it("gets another token after one request that the API refused", function()
      box:expire()
      assert.equal(401, select(2, server:get "/api/user"))
      assert.equal(200, select(2, server:get "/api/user"))
      assert.equal("", server:errors())
    end)

    it("ends requests with 503 when there are no credentials, and logs why", function()
      local body, status = server:get "/wrong/user"
      assert.equal(503, status)
      assert.equal('{"message":"The API cannot be reached now"}', body)
      local log = server:log()
      assert.is_truthy(log:find("[" .. name .. "] no credentials: http 400 INVALID_LOGIN", 1, true)
        or log:find("[" .. name .. "] no credentials: auth", 1, true), log)
      assert.is_nil(log:find(box.password, 1, true))
    end)

    it("serves an API with OAuth2 as well", function()
      box:mode { profile = "oauth2" }
      local body, status = server:get "/other/thing"
      box:mode { profile = "mic" }
      assert.equal(200, status, body)
      assert.is_truthy(body:find('"ok":true', 1, true), body)
    end)

    local function check(text)
      return (server:get("/check", "-d '" .. text .. "'"))
    end

    it("takes a configuration, and says what is wrong with another", function()
      assert.equal("accepted", check(('{"base_url":"%s","api_key":"k"}'):format(box.base_url)))
      for text, problem in pairs {
        ["{}"] = "base_url",
        ['{"base_url":5}'] = "base_url",
        ['{"base_url":"http://api.example.com","api_key":"k"}'] = "allow_insecure",
        ['{"base_url":"https://api.example.com"}'] = "api_key",
        ['{"base_url":"https://a.example.com","profile":"oauth3"}'] = "oauth3",
      } do
        local said = check(text)
        assert.is_truthy(said:find(problem, 1, true), text .. ": " .. said)
      end
    end)
  end)
end

describe("the configurations in examples/kong and examples/apisix", function()
  it("name the plugin's own fields only, and say what was not tested", function()
    for _, name in ipairs { "kong", "apisix" } do
      local page = "examples/" .. name .. "/README.md"
      assert.same({}, blocks.dead_links(page))
      local text = tree.read(page)
      local code = tree.read(name == "kong" and "examples/kong/kong/plugins/mic/schema.lua"
        or "examples/apisix/apisix/plugins/mic.lua")
      assert.is_truthy(text:find "%*%*The plugin was not tested in %u%a+%.%*%*")
      local fields = text:match "name: mic\n +config:\n(.-)```" or text:match "\n  mic:\n(.-)```"
      local count = 0
      for field in fields:gmatch "([%l_]+): [^\n]*" do
        count = count + 1
        assert.is_truthy(code:find("%f[%w_]" .. field .. " = "), field)
      end
      assert.is_true(count >= 4, name)
    end
  end)
end)
