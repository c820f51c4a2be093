-- The sandbox answers as the real API does, byte for byte, and checks in the same order. The
-- requests are sent with the curl command, without the client.

local cjson = require "cjson.safe"
local shell = require "spec.support.shell"
local support = require "spec.support.sandbox"

local FORBIDDEN = '{"message":"Forbidden"}'
local UNAUTHORIZED = '{"message":"Unauthorized"}'
local EXPIRED = '{"message":"The incoming token has expired"}'
local NOT_AUTHORIZED = '{"message":{"messageKey":"NOT_AUTHORIZED","message":"Not authorized"}}'
local HEX = "%x"

describe("the sandbox", function()
  local box = support.around()
  local credentials, headers

  before_each(function()
    credentials, headers = box:login()
  end)

  --- The headers of a logged-in user with some of them changed; false takes one out.
  local function with(changed)
    local all = {}
    for name, value in pairs(headers) do
      all[name] = value
    end
    for name, value in pairs(changed) do
      all[name] = value or nil
    end
    return all
  end

  local function get(path, given)
    return assert(box:call { path = path, headers = given or headers })
  end

  local function post(path, body, given)
    return assert(box:call {
      method = "POST", path = path, body = body, headers = given or { ["x-api-key"] = box.api_key },
    })
  end

  --- An answer of the gateway itself.
  local function refused(reply, status, body, kind)
    assert.equal(body, reply.body)
    assert.equal(status, reply.status)
    assert.equal("application/json", reply.headers["content-type"])
    assert.equal(tostring(#body), reply.headers["content-length"])
    assert.equal(kind, reply.headers["x-amzn-errortype"])
    assert.is_nil(reply.headers["x-amzn-trace-id"])
  end

  describe("over TLS", function()
    it("speaks HTTP/2 and HTTP/1.1, on IPv4 and by the certificate of its CA", function()
      local options = { path = "/user", headers = headers, arguments = "-4" }
      assert.equal("HTTP/2", assert(box:call(options)).protocol)
      options.http = "1.1"
      assert.equal("HTTP/1.1", assert(box:call(options)).protocol)
      local _, code = box:call { path = "/user", arguments = "--cacert /dev/null" }
      assert.is_truthy(code == 60 or code == 77, code)
    end)

    it("takes no TLS before 1.2", function()
      -- At its default security level curl itself would not even offer it.
      local _, code = box:call {
        path = "/user", arguments = "--tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0",
      }
      assert.equal(35, code)
    end)

    local function alert(server_name)
      local port = box.base_url:match ":(%d+)/"
      return (shell.run("openssl s_client -connect 127.0.0.1:" .. port .. " " .. server_name
        .. " </dev/null 2>&1"))
    end

    it("refuses a handshake without SNI or with another name", function()
      assert.is_truthy(alert("-noservername"):find "unrecognized name")
      assert.is_truthy(alert("-servername other.example"):find "unrecognized name")
      assert.is_truthy(alert("-servername localhost"):find "BEGIN CERTIFICATE")
    end)

    it("forbids another Host than its own, port included", function()
      for _, host in ipairs { "other.example", "localhost", "localhost:1" } do
        refused(get("/user", with { Host = host }), 403, FORBIDDEN, "ForbiddenException")
      end
    end)
  end)

  describe("the gateway's own answers", function()
    it("forbid a call without key or with a wrong one", function()
      refused(get("/user", with { ["x-api-key"] = false }), 403, FORBIDDEN, "ForbiddenException")
      refused(get("/user", with { ["x-api-key"] = "x" }), 403, FORBIDDEN, "ForbiddenException")
      refused(post("/auth/login", "{}", {}), 403, FORBIDDEN, "ForbiddenException")
    end)

    it("forbid another stage", function()
      for _, path in ipairs { "/Prod/user", "/user", "/production/user", "/", "/refused" } do
        local reply = assert(box:call {
          url = box.base_url:gsub("/prod$", "") .. path, headers = headers,
        })
        refused(reply, 403, FORBIDDEN, "ForbiddenException")
      end
    end)

    it("miss the token on an unknown path or method without Authorization", function()
      local body = '{"message":"Missing Authentication Token"}'
      local kind = "MissingAuthenticationTokenException"
      local keyed = { ["x-api-key"] = box.api_key }
      for _, path in ipairs { "/nope", "/users/", "/users//x", "/auth/login", "/USER" } do
        refused(get(path, keyed), 403, body, kind)
      end
    end)

    it("take Authorization on an unknown path for a signature", function()
      local reply = get("/nope", { Authorization = "Bearer abc" })
      -- SHA-256 of "Bearer abc" in base64
      local digest = shell.run(
        "printf 'Bearer abc' | openssl dgst -sha256 -binary | openssl base64 -A")
      refused(reply, 403, '{"message":"Invalid key=value pair (missing equal-sign) in '
        .. "Authorization header (hashed with SHA-256 and encoded with Base64): '" .. digest
        .. "'.\"}", "IncompleteSignatureException")
    end)

    it("say that a token has expired, and that garbage is unauthorized", function()
      refused(get("/user", with { Authorization = "garbage" }), 401, UNAUTHORIZED,
        "UnauthorizedException")
      box:expire()
      refused(get "/user", 401, EXPIRED, "UnauthorizedException")
    end)

    it("carry the ids that support asks for", function()
      local reply = get("/nope", {})
      local id = table.concat({ HEX:rep(8), HEX:rep(4), "4" .. HEX:rep(3), "[89ab]" .. HEX:rep(3),
        HEX:rep(12) }, "%-")
      assert.is_truthy(reply.headers["x-amzn-requestid"]:find("^" .. id .. "$"))
      assert.is_truthy(reply.headers["x-amz-apigw-id"]:find "^[%w+/]+=$")
      assert.is_nil(reply.headers.server)
      assert.not_equal(reply.headers["x-amzn-requestid"],
        get("/nope", {}).headers["x-amzn-requestid"])
    end)

    it("spell their header names as the gateway does over HTTP/1.1", function()
      local reply = assert(box:call { path = "/nope", http = "1.1" })
      for _, name in ipairs { "Content-Type", "Content-Length", "x-amzn-RequestId",
        "x-amz-apigw-id", "x-amzn-ErrorType" } do
        assert.is_truthy(reply.head:find("\n" .. name .. ": ", 1, true), name)
      end
      assert.is_truthy(reply.head:find("Connection: keep-alive", 1, true))
    end)

    it("refuse a body above 10 MB in plain text, its length told or not", function()
      local text = "HTTP content length exceeded 10485760 bytes."
      for _, more in ipairs { {}, { ["Transfer-Encoding"] = "chunked" } } do
        more.Authorization, more.identityId = headers.Authorization, headers.identityId
        more["x-api-key"] = box.api_key
        local reply = assert(box:call {
          method = "POST", path = "/users", body = ("x"):rep(10485761), headers = more,
          http = "1.1",
        })
        assert.equal(413, reply.status)
        assert.equal(text, reply.body)
        assert.equal("text/plain", reply.headers["content-type"])
      end
    end)

    it("refuse what is no JSON, too large a head, and a broken path", function()
      refused(post("/auth/login", "{"), 400,
        '{"message": "Could not parse request body into json: Unexpected character"}',
        "BadRequestException")
      refused(get("/user", with { Authorization = ("a"):rep(16384) }), 431,
        '{"message":"Request Header Fields Too Large"}')
      local reply = assert(box:call { path = "/user%zz", http = "1.1" })
      refused(reply, 400, '{"message":"Bad Request"}', "BadRequestException")
    end)
  end)

  describe("checks", function()
    it("the stage before the route, the route before the token", function()
      box:expire()
      local url = box.base_url:gsub("/prod$", "/test/nope")
      refused(assert(box:call { url = url, headers = headers }), 403, FORBIDDEN,
        "ForbiddenException")
      assert.equal("IncompleteSignatureException", get("/nope").headers["x-amzn-errortype"])
    end)

    it("the token before the key, the key before the size, the size before the identity", function()
      box:expire()
      refused(get("/user", with { ["x-api-key"] = "bad" }), 401, EXPIRED, "UnauthorizedException")
      box:reset()
      credentials, headers = box:login()
      local large = ("x"):rep(10485761)
      refused(post("/users", large, with { ["x-api-key"] = "bad" }), 403, FORBIDDEN,
        "ForbiddenException")
      assert.equal(413, post("/users", large, with { identityId = false }).status)
    end)

    it("the identity before the body", function()
      assert.equal(NOT_AUTHORIZED, post("/users", "{", with { identityId = false }).body)
    end)
  end)

  describe("the three headers", function()
    it("are all demanded: a missing one is 403", function()
      refused(get("/user", with { Authorization = false }), 403, FORBIDDEN, "ForbiddenException")
      refused(get("/user", with { ["x-api-key"] = false }), 403, FORBIDDEN, "ForbiddenException")
      local reply = get("/user", with { identityId = false })
      assert.equal(403, reply.status)
      assert.equal(NOT_AUTHORIZED, reply.body)
      assert.is_nil(reply.headers["x-amzn-errortype"])
    end)

    it("may bring the identity in the query, and the token behind Bearer", function()
      local reply = get("/user?identityId=" .. credentials.identityId, with { identityId = false })
      assert.equal(200, reply.status)
      reply = get("/user", with { Authorization = "Bearer " .. credentials.token })
      assert.equal(200, reply.status)
    end)

    it("must belong together", function()
      local other = box:login "anna"
      assert.equal(403, get("/user", with { identityId = other.identityId }).status)
      assert.equal(403, get("/user?identityId=x", with { identityId = false }).status)
    end)

    it("are taken more lightly when strict is off", function()
      box:mode { strict = false }
      refused(get("/user", with { Authorization = false }), 401, UNAUTHORIZED,
        "UnauthorizedException")
      assert.equal(200, get("/user", with { identityId = false }).status)
      assert.equal(403, get("/user", with { identityId = "x" }).status)
    end)
  end)

  describe("/users", function()
    local function list(query)
      local reply = get("/users" .. query)
      assert.equal(200, reply.status, reply.body)
      return cjson.decode(reply.body), reply.body
    end

    it("shows one, with a trace id", function()
      local reply = get "/users/demo"
      assert.equal(200, reply.status)
      assert.equal('{"userName":"demo","domainName":"root","roleName":"ReadWrite",'
        .. '"firstName":"Demo","lastName":"User","email":"demo@example.com"}', reply.body)
      assert.is_truthy(reply.headers["x-amzn-trace-id"]:find("^Root=1%-" .. HEX:rep(8) .. "%-"
        .. HEX:rep(24) .. "$"))
      assert.equal('{"email":"demo@example.com","data":{}}',
        get("/users/demo?attributes=email,data").body)
    end)

    it("decodes names", function()
      local names = {
        ["a%2Fb"] = "a/b", ["per%40example.com"] = "per@example.com", ["space%20man"] = "space man",
        ["100%25"] = "100%", ["plus+sign"] = "plus+sign", ["%c3%a5sa"] = "\195\165sa",
        ["what%3Fis%3Dthis%26that"] = "what?is=this&that",
      }
      for path, name in pairs(names) do
        assert.equal(cjson.encode { userName = name }:gsub("\\/", "/"),
          get("/users/" .. path .. "?attributes=userName").body .. "")
      end
      assert.equal(403, get("/users/a/b").status)
    end)

    it("knows who calls", function()
      assert.equal('{"userName":"demo"}', get("/user?attributes=userName").body)
    end)

    it("says in the application's shape what is wrong", function()
      local reply = get "/users/nobody"
      assert.equal(404, reply.status)
      assert.equal('{"message":{"messageKey":"USER_NOT_FOUND","message":"User not found",'
        .. '"property":"userName"}}', reply.body)
      for property, query in pairs { page = "page=0", size = "size=x", category = "category=no",
        sortProp = "sortProp=no", attributes = "attributes=no" } do
        reply = get("/users?" .. query)
        assert.equal(400, reply.status)
        local message = cjson.decode(reply.body).message
        assert.equal("INVALID_ARGUMENTS", message.messageKey)
        assert.equal(property, message.property)
      end
    end)

    it("lists all active ones as one page, and counts every category", function()
      local answer = list ""
      assert.equal(39, #answer.users)
      assert.equal(1, answer.page)
      assert.equal(1, answer.totalPages)
      assert.same({ all = 42, active = 39, pending = 2, unconfirmed = 1 }, answer.metadata.count)
      assert.equal("ulf", list("?category=unconfirmed").users[1].userName)
    end)

    it("pages from 1 on, each user once", function()
      local seen, count = {}, 0
      for page = 1, 4 do
        local answer = list("?category=all&size=12&page=" .. page)
        assert.equal(4, answer.totalPages)
        for _, user in ipairs(answer.users) do
          assert.is_nil(seen[user.userName])
          seen[user.userName], count = true, count + 1
        end
      end
      assert.equal(42, count)
      local _, body = list "?size=12&page=5"
      assert.is_truthy(body:find('"users":[]', 1, true))
    end)

    it("searches and sorts", function()
      assert.equal("anna", list("?freeText=BERG").users[1].userName)
      assert.equal("Alpha", list("?sortProp=firstName&size=1").users[1].firstName)
    end)

    it("creates, changes and removes for those who may", function()
      local body = '{"userName":"new/one","roleName":"Read","domainName":"root","email":"n@e.no"}'
      local reply = post("/users", body, headers)
      assert.equal(200, reply.status, reply.body)
      assert.is_truthy(post("/users", body, headers).body:find "USER_USERNAME_EXISTS")
      local function patch(text)
        return box:call {
          method = "PATCH", path = "/users/new%2Fone", headers = headers, body = text,
        }
      end
      reply = patch '{"firstName":"New","email":null}'
      assert.equal('{"userName":"new/one","domainName":"root","roleName":"Read",'
        .. '"firstName":"New"}', reply.body)
      assert.is_truthy(patch('{"roleName":null}').body:find "PROPERTY_NOT_DELETABLE")
      reply = box:call { method = "DELETE", path = "/users/new%2Fone", headers = headers }
      assert.equal(204, reply.status)
      assert.equal("", reply.body)
      assert.equal(404, get("/users/new%2Fone").status)
      local _, reader = box:login "per@example.com"
      assert.equal('{"message":{"messageKey":"NOT_AUTHORIZED","message":"Not authorized",'
        .. '"messageParams":', post("/users", body, reader).body:match "^.*\"messageParams\":")
    end)
  end)

  describe("the manifests", function()
    it("hand out the key without key or token", function()
      local reply = get("/metadata/manifest", {})
      assert.equal(200, reply.status)
      local manifest = cjson.decode(reply.body)
      assert.equal(box.api_key, manifest.ApiKey)
      assert.equal(40, #manifest.ApiKey)
      for _, name in ipairs { "IotEndpoint", "IotEndpointATS", "IdentityPool", "UserPool",
        "Region" } do
        assert.equal("string", type(manifest[name]), name)
      end
    end)

    it("describe the known stack in strings, and an unknown one by nothing", function()
      for _, url in ipairs { box.manifest_url, (box.manifest_url:gsub("/$", "")) } do
        local reply = assert(box:call { url = url .. "?hostname=" .. box.stack })
        local manifest = cjson.decode(reply.body)
        for name, value in pairs(manifest) do
          assert.equal("string", type(value), name)
        end
        assert.equal(box.base_url, manifest.ApiGatewayRootUrl .. "/" .. manifest.StackName)
      end
      for _, query in ipairs { "", "?hostname=", "?hostname=other.example" } do
        local reply = assert(box:call { url = box.manifest_url .. query })
        assert.equal(200, reply.status)
        assert.equal("{}", reply.body)
      end
    end)
  end)
end)
