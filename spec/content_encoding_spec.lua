-- Content-Encoding: bodies are decoded, and an unknown or wrong coding is an error or ignored.

local api = require "spec.support.api"
local faults = require "spec.support.faults"
local loops = require "spec.support.loops"
local mic = require "mic"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local PLAIN = '{"a":1}'
local GZIP = "H4sIAAAAAAAAA6tWSlSyMqwFAK+sG1YHAAAA" -- of PLAIN, like those below
local DEFLATE = "eJyrVkpUsjKsBQAIKgIJ"
local DEFLATE_BARE = "q1ZKVLIyrAUA"
local TWO_MEMBERS = "H4sIAAAAAAAAA6tWSlQCAA1xNQ8EAAAAH4sIAAAAAAAAA7MyrAUAZ7NUPgMAAAA="
local TWICE = "H4sIAAAAAAAAA5Pv5mAAA+bVYV4hm4zWsDKsXyMdxg4UAgCKq7HcGwAAAA=="
local BROTLI = "CwOAeyJhIjoxfQM="
local ZSTD = "KLUv/QRYOQAAeyJhIjoxfUiL/DI="
local ZSTD_TWO_FRAMES = "KLUv/QRYIQAAeyJhIvrWITwotS/9BFgZAAA6MX3VnG3z"

local sandbox = api.around()

local function bytes(base64)
  return shell.check("printf %s '" .. base64 .. "' | base64 -d")
end

--- Scripts the next answer to GET /user: JSON in this coding.
local function answer(coding, base64, more)
  local scripted = { path = "/user", headers = { ["Content-Type"] = "application/json",
    ["Content-Encoding"] = coding } }
  scripted.body_base64 = base64 or nil
  scripted.body = not base64 and PLAIN or nil
  for name, value in pairs(more or {}) do
    scripted[name] = value
  end
  sandbox:answer(scripted)
end

--- What a client gets from this raw answer, sent in packets of one byte.
local function dripped(coding, base64)
  local body = base64 and bytes(base64) or PLAIN
  local escaped = body:gsub(".", function(byte)
    return ("\\x%02x"):format(byte:byte())
  end)
  local server = faults.start("read\nsend HTTP/1.1 200 OK\\r\\nContent-Encoding: " .. coding
    .. ("\\r\\nContent-Length: %d\\r\\n\\r\\n\ndrip 1 "):format(#body) .. escaped)
  local client = mic.new { base_url = server.url, api_key = "k", retry = false }
  local response, err = client:get("/x", { auth = false })
  client:close()
  server.stop()
  return response, err
end

describe("an answer's Content-Encoding", function()
  for coding, base64 in pairs {
    ["aws-chunked"] = false, ["UTF-8"] = false, ["utf8"] = false, ["none"] = false,
    ["identity"] = false, ["binary"] = false, ["aws-chunked, UTF-8"] = false,
    ["aws-chunked,"] = false, [","] = false, ["identity, aws-chunked"] = false,
    ["gzip, aws-chunked"] = GZIP, ["aws-chunked, gzip"] = GZIP, ["UTF-8,gzip, none"] = GZIP,
    ["x-gzip"] = GZIP, ["GZip"] = GZIP, ["gzip"] = TWO_MEMBERS, ["gzip, gzip"] = TWICE,
    ["gzip, x-gzip, aws-chunked"] = TWICE, ["deflate"] = DEFLATE,
    ["identity, deflate"] = DEFLATE_BARE,
  } do
    it(("%q gives the content, and stays in the headers"):format(coding), function()
      local client = sandbox:logged_in()
      answer(coding, base64)
      local response = mic.assert(client:get "/user")
      assert.same({ PLAIN, 1 }, { response.body, response.data.a })
      assert.equal(coding, response.headers["content-encoding"])
      local slow = mic.assert(dripped(coding, base64))
      assert.same({ PLAIN, 1 }, { slow.body, slow.data.a })
    end)
  end

  it("is decoded for brotli and zstd too, if this libcurl supports them", function()
    local client = sandbox:logged_in()
    local features = mic.features()
    for coding, bodies in pairs { br = { BROTLI }, zstd = { ZSTD, ZSTD_TWO_FRAMES } } do
      local known = features[coding == "br" and "brotli" or coding]
      for _, base64 in ipairs(bodies) do
        answer(coding, base64)
        local body = mic.assert(client:get("/user", { decode = false })).body
        assert.equal(known and PLAIN or bytes(base64), body)
        assert.equal(body, mic.assert(dripped(coding, known and base64)).body)
      end
    end
  end)

  it("is undone no further than it was applied: what does not begin so comes as it came", function()
    local client = sandbox:logged_in()
    for _, coding in ipairs { "gzip, aws-chunked", "zstd, x", "br, aws-chunked", "deflate, x" } do
      answer(coding)
      assert.equal(1, mic.assert(client:get "/user").data.a)
      assert.equal(1, mic.assert(dripped(coding)).data.a)
    end
    answer("gzip, aws-chunked", nil, { body = "\31" })
    assert.equal("\31", mic.assert(client:get("/user", { decode = false })).body)
    answer("gzip, gzip, aws-chunked", GZIP)
    assert.equal(PLAIN, mic.assert(client:get "/user").body)
  end)

  it("ends with its last gzip member: what follows is ignored", function()
    local client = sandbox:logged_in()
    for _, tail in ipairs { "junk", "\0\0\0\0", "\31", "\31junk" } do
      local packed = shell.check(("{ printf %%s '%s' | base64 -d; printf '%s'; } | base64 -w0")
        :format(TWO_MEMBERS, tail:gsub(".", function(byte)
          return ("\\%03o"):format(byte:byte())
        end)))
      answer("gzip", packed)
      assert.equal(PLAIN, mic.assert(client:get "/user").body)
      assert.equal(PLAIN, mic.assert(dripped("gzip", packed)).body)
    end
  end)

  it("that is broken is an error, and is not retried", function()
    local client = sandbox:logged_in { retry = { attempts = 3, base = 0.01 } }
    local whole = bytes(GZIP)
    local cases = {
      { PLAIN, "the compressed response is invalid" },
      { whole:sub(1, 12) .. "\255\255\255\255" .. whole:sub(17),
        "the compressed response is invalid" },
      -- Its checksum is another one.
      { whole:sub(1, -9) .. "\0" .. whole:sub(-7), "the compressed response is invalid" },
      { whole .. whole:sub(1, 11), "the compressed response is incomplete" },
      { whole:sub(1, -5), "the compressed response is incomplete" },
      { whole:sub(1, 1), "the compressed response is incomplete" },
    }
    for _, case in ipairs(cases) do
      for _, method in ipairs { "GET", "POST" } do
        local folder = scratch.folder()
        folder:write("body", case[1])
        local packed = shell.check("base64 -w0 " .. folder:at "body")
        sandbox:seen()
        answer("gzip", packed, { method = method, times = 2 })
        local response, err = client:request { method = method, path = "/user" }
        assert.is_nil(response)
        local more = method == "POST" and "; the request may have been processed" or ""
        assert.equal("network: " .. case[2] .. more, api.line(err))
        assert.equal("CURLE_BAD_CONTENT_ENCODING", err.code)
        assert.same({ 1, false }, { err.attempts, err.retryable })
        assert.equal(method .. " /user", sandbox:seen())
        sandbox:reset()
        client:close()
        client = sandbox:logged_in { retry = { attempts = 3, base = 0.01 } }
      end
    end
    sandbox:seen()
    answer("gzip", nil, { path = "/auth/login", method = "POST", times = 2 })
    local _, err = sandbox:automatic({ retry = { attempts = 3, base = 0.01 } }):get "/user"
    assert.is_truthy(api.line(err):find "the compressed response is invalid", api.line(err))
    assert.equal("POST /auth/login", sandbox:seen())
    answer("gzip, gzip, gzip, gzip, gzip, gzip", GZIP)
    _, err = client:get "/user"
    assert.equal("network: the compressed response is invalid", api.line(err))
  end)

  it("counts for an error's body, and for replies of login and refresh", function()
    local client = sandbox:logged_in()
    local error_body = '{"messageKey":"A_KEY","message":"why"}'
    local function packed(text)
      return shell.check("printf %s " .. shell.quote(text) .. " | gzip | base64 -w0")
    end
    answer("gzip", packed(error_body), { status = 404 })
    local _, err = client:get "/user"
    assert.same({ "A_KEY", "why" }, { err.key, err.message })
    answer("aws-chunked", nil, { status = 404, body = error_body })
    _, err = client:get "/user"
    assert.equal("A_KEY", err.key)

    for _, path in ipairs { "login", "refresh" } do
      for coding, pack in pairs { ["gzip, aws-chunked"] = packed, ["UTF-8"] = false } do
        local token = path .. coding:gsub("%W", "")
        local reply = '{"credentials":{"identityId":"eu-west-1:id","token":"' .. token
          .. '","refreshToken":"new-refresh-1234"}}'
        answer(coding, pack and pack(reply) or nil,
          { path = "/auth/" .. path, method = "POST", body = not pack and reply or nil })
        if path == "login" then
          assert(client:login(sandbox.username, sandbox.password))
        else
          assert(client:refresh())
        end
        assert.equal(token, client:credentials().token)
      end
    end
  end)

  it("counts for a file, and not for a stream, which gets what comes", function()
    local client = sandbox:logged_in()
    local folder = scratch.folder()
    for coding, base64 in pairs { ["aws-chunked"] = false, ["gzip, aws-chunked"] = GZIP,
      gzip = TWO_MEMBERS, deflate = DEFLATE } do
      answer(coding, base64)
      mic.assert(client:get("/user", { save_to = folder:at "file" }))
      assert.equal(PLAIN, folder:read "file")
      answer(coding, base64)
      local pieces = {}
      mic.assert(client:get("/user", { on_data = function(piece)
        pieces[#pieces + 1] = piece
      end }))
      assert.equal(base64 and bytes(base64) or PLAIN, table.concat(pieces))
      answer(coding, base64 or nil, { method = "HEAD" })
      assert.equal(coding, mic.assert(client:head "/user").headers["content-encoding"])
    end
    answer("gzip", shell.check "printf %s '{}' | gzip | head -c 15 | base64 -w0")
    local _, err = client:get("/user", { save_to = folder:at "file" })
    assert.equal("the compressed response is incomplete", err.message)
    assert.equal(PLAIN, folder:read "file")
  end)

  it("of a decompression bomb is refused, in a file too", function()
    local client = sandbox:logged_in()
    local folder = scratch.folder()
    answer("gzip, gzip", shell.check "head -c 300000000 /dev/zero | gzip -1 | gzip -9 | base64 -w0")
    local _, err = client:get("/user", { save_to = folder:at "file" })
    assert.equal("too_large: the response expands to more than 1100 times its compressed size",
      api.line(err))
    assert.is_nil(folder:read "file")
    answer("gzip", shell.check "head -c 20000000 /dev/zero | gzip -9 | base64 -w0")
    mic.assert(client:get("/user", { save_to = folder:at "file" }))
    assert.equal(20000000, #folder:read "file")
  end)

  it("counts also where the caller has asked for none", function()
    local client = sandbox:logged_in()
    local headers = { ["Accept-Encoding"] = "identity" }
    sandbox:seen()
    answer("gzip", GZIP)
    assert.equal(1, mic.assert(client:get("/user", { headers = headers })).data.a)
    local sent = table.concat(sandbox:log()[1].headers, "\n"):lower()
    assert.equal(1, select(2, sent:gsub("accept%-encoding", "")))
  end)

  for _, kind in ipairs(loops.all) do
    it("is read alike in the transport " .. kind.name, function()
      local came = {}
      kind.run(function()
        for _, version in ipairs { "2", "1.1" } do
          local client = sandbox:logged_in { transport = kind.transport, http_version = version }
          for coding, base64 in pairs { ["aws-chunked"] = false, ["gzip, UTF-8"] = TWO_MEMBERS } do
            answer(coding, base64)
            local response, err = client:get "/user"
            -- In a loop, libcurl before 7.88 lets a client without HTTP/2 use another's connection.
            local used = response and (kind.suspends and version or response.http_version)
            came[#came + 1] = response and used .. response.body or tostring(err)
          end
          client:close()
        end
      end)
      assert.same({ "2" .. PLAIN, "2" .. PLAIN, "1.1" .. PLAIN, "1.1" .. PLAIN }, came)
    end)
  end
end)
