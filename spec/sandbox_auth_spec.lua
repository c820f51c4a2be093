-- The sandbox's login, refresh and tokens, asked by the curl command.

local cjson = require "cjson.safe"
local shell = require "spec.support.shell"
local support = require "spec.support.sandbox"

describe("the sandbox's", function()
  local box = support.around()

  local function post(path, body, headers)
    headers = headers or {}
    headers["x-api-key"] = box.api_key
    return assert(box:call {
      method = "POST", path = path, headers = headers,
      body = type(body) == "table" and cjson.encode(body) or body,
    })
  end

  local function refresh(token)
    local reply = post("/auth/refresh", { refreshToken = token })
    return reply.status, cjson.decode(reply.body).credentials, reply
  end

  local function status_with(token, identity)
    return box:call {
      path = "/user",
      headers = { Authorization = token, identityId = identity, ["x-api-key"] = box.api_key },
    }.status
  end

  --- The claims, or another part, of a JWT.
  local function part(token, number)
    local parts = {}
    for text in token:gmatch "[^.]+" do
      parts[#parts + 1] = text:gsub("-", "+"):gsub("_", "/")
    end
    assert.equal(3, #parts)
    local text = parts[number] .. ("="):rep(-#parts[number] % 4)
    return (shell.run("printf %s " .. text .. " | openssl base64 -d -A"))
  end

  local function claims(token)
    return cjson.decode(part(token, 2))
  end

  local function application_error(reply, status, key, property)
    assert.equal(status, reply.status)
    local message = cjson.decode(reply.body).message
    assert.equal(key, message.messageKey)
    assert.equal(property, message.property)
    assert.equal("string", type(message.message))
    assert.is_nil(reply.headers["x-amzn-errortype"])
  end

  describe("login", function()
    it("answers with user, credentials of three members, permissions", function()
      local reply = post("/auth/login", { userName = "demo", password = box.password })
      assert.equal(200, reply.status)
      local answer = cjson.decode(reply.body)
      assert.same({
        userName = "demo", roleName = "ReadWrite", firstName = "Demo", lastName = "User",
        email = "demo@example.com", domainName = "root", domainPath = "/", data = {},
      }, answer.user)
      assert.same({ "CREATE", "READ", "UPDATE", "DELETE" }, answer.permissions.objects.Things)
      local names = {}
      for name in pairs(answer.credentials) do
        names[#names + 1] = name
      end
      table.sort(names)
      assert.same({ "identityId", "refreshToken", "token" }, names)
      assert.is_truthy(answer.credentials.identityId:find "^eu%-west%-1:[%x-]+$")
    end)

    it("gives a token of the shape and the claims of Cognito's", function()
      local token = box:login().token
      assert.is_true(#token >= 1066)
      assert.equal("RS256", cjson.decode(part(token, 1)).alg)
      assert.equal(256, #part(token, 3))
      local found = claims(token)
      assert.equal("demo", found["cognito:username"])
      assert.equal("id", found.token_use)
      assert.equal("ReadWrite", found["custom:role"])
      assert.equal(3600, found.exp - found.iat)
      assert.equal(found.iat, found.auth_time)
      for _, name in ipairs { "sub", "email_verified", "custom:domain", "iss", "given_name",
        "family_name", "email", "locale", "aud", "event_id" } do
        assert.is_not_nil(found[name], name)
      end
    end)

    it("says which property is missing, the user name first", function()
      for _, body in ipairs { "", "{}", "[]", "1", '{"userName":null}', '{"userName":""}' } do
        application_error(post("/auth/login", body), 400, "PROPERTY_REQUIRED", "userName")
      end
      application_error(post("/auth/login", { userName = "demo" }), 400, "PROPERTY_REQUIRED",
        "password")
    end)

    it("refuses a wrong password, an unknown user and one that is not active alike", function()
      local password = box.password
      for _, body in ipairs {
        { userName = "demo", password = "x" }, { userName = "x", password = password },
        { userName = "nina", password = password }, { userName = 1, password = password },
      } do
        local reply = post("/auth/login", body)
        application_error(reply, 401, "INVALID_LOGIN", nil)
        assert.equal('{"message":{"messageKey":"INVALID_LOGIN","message":"Invalid login"}}',
          reply.body)
      end
    end)
  end)

  describe("refresh", function()
    it("echoes the refresh token, keeps auth_time, and gives a new token", function()
      box:mode { clock_offset = -100 }
      local old = box:login()
      box:mode { clock_offset = 0 }
      local status, new = refresh(old.refreshToken)
      assert.equal(200, status)
      assert.equal(old.refreshToken, new.refreshToken)
      assert.equal(old.identityId, new.identityId)
      assert.not_equal(old.token, new.token)
      local before, after = claims(old.token), claims(new.token)
      assert.equal(before.auth_time, after.auth_time)
      assert.is_true(after.iat >= before.iat + 100)
      assert.equal(200, status_with(new.token, new.identityId))
    end)

    it("rotates: the old one is dead at once", function()
      box:mode { refresh = "rotate" }
      local old = box:login()
      local _, new = refresh(old.refreshToken)
      assert.not_equal(old.refreshToken, new.refreshToken)
      local status, _, reply = refresh(old.refreshToken)
      assert.equal(401, status)
      application_error(reply, 401, "INVALID_LOGIN", nil)
      assert.equal(200, (refresh(new.refreshToken)))
    end)

    it("rotates with grace: the old one works on for a while", function()
      box:mode { refresh = "rotate", refresh_grace = 60 }
      local old = box:login()
      refresh(old.refreshToken)
      assert.equal(200, (refresh(old.refreshToken)))
    end)

    it("omits the refresh token: the member is absent", function()
      box:mode { refresh = "omit" }
      local old = box:login()
      local _, new, reply = refresh(old.refreshToken)
      assert.is_nil(new.refreshToken)
      assert.is_nil(reply.body:find "refreshToken")
      assert.equal(200, (refresh(old.refreshToken)))
    end)

    it("says that the property is missing or the token wrong", function()
      application_error(post("/auth/refresh", {}), 400, "PROPERTY_REQUIRED", "refreshToken")
      application_error(post("/auth/refresh", { refreshToken = "x" }), 401, "INVALID_LOGIN", nil)
    end)

    it("and login look at a token that comes along: a dead one is refused", function()
      local old = box:login()
      local body = { refreshToken = old.refreshToken }
      assert.equal(200, post("/auth/refresh", body, { Authorization = old.token }).status)
      box:expire()
      for path, members in pairs {
        ["/auth/refresh"] = body,
        ["/auth/login"] = { userName = "demo", password = box.password },
      } do
        local reply = post(path, members, { Authorization = old.token })
        assert.equal(401, reply.status)
        assert.equal('{"message":"The incoming token has expired"}', reply.body)
        assert.equal(200, post(path, members).status)
      end
    end)
  end)

  describe("tokens", function()
    it("live as long as they say", function()
      box:mode { token_life = 300, clock_offset = -300 }
      local old = box:login()
      assert.equal(300, claims(old.token).exp - claims(old.token).iat)
      assert.equal(200, status_with(old.token, old.identityId))
      box:mode { clock_offset = 0 } -- their time is over now
      assert.equal(401, status_with(old.token, old.identityId))
    end)

    it("all expire at once when told to; later ones do not", function()
      local old = box:login()
      box:expire()
      assert.equal(401, status_with(old.token, old.identityId))
      local _, new = refresh(old.refreshToken)
      assert.equal(200, status_with(new.token, new.identityId))
      box:expire { refresh = true }
      assert.equal(401, (refresh(old.refreshToken)))
    end)

    it("become long ones when asked for", function()
      box:mode { token_length = 8000 }
      local long = box:login()
      assert.is_true(#long.token >= 8000 and #long.token < 8010)
      assert.equal(200, status_with(long.token, long.identityId))
    end)

    it("move the clock along in the Date header", function()
      local function year()
        return tonumber(box:call({ path = "/user" }).headers.date:match " (%d%d%d%d) ")
      end
      local now = year()
      box:mode { clock_offset = -31536000 }
      assert.equal(now - 1, year())
    end)
  end)
end)
