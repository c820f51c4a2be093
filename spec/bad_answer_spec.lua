-- Responses that are too large, malformed or missing: each is a distinct error, and the next call
-- of the client works.

local api = require "spec.support.api"
local cleanup = require "spec.support.cleanup"
local faults = require "spec.support.faults"
local libcurl = require "spec.support.libcurl"
local mic = require "mic"
local shell = require "spec.support.shell"

local CAP = 20000

describe("an answer that cannot be used", function()
  local sandbox = api.around()
  local client

  before_each(function()
    client = sandbox:logged_in { max_response_size = CAP }
    sandbox:seen()
  end)

  --- Scripts an answer and requests it; returns the error. The client stays usable.
  local function fails(answer, opts)
    answer.path = "/user"
    if answer.body or answer.body_base64 then
      answer.headers = answer.headers or {}
    end
    if answer.headers and answer.headers["Content-Type"] == nil then
      answer.headers["Content-Type"] = "application/json"
    end
    sandbox:answer(answer)
    local response, err = client:get("/user", opts)
    assert.is_nil(response)
    assert.equal("GET /user", sandbox:seen())
    assert.equal(1, err.attempts)
    local again, problem = client:get "/users/anna"
    assert(again, tostring(problem))
    assert.equal("anna", again.data.userName)
    sandbox:seen()
    return err
  end

  it("is larger than the cap, with its length and without", function()
    for _, status in ipairs { 200, 404 } do
      for _, length in ipairs { "given", false } do
        local err = fails { status = status, body = '["' .. ("x"):rep(96) .. '"]',
          ["repeat"] = 201, headers = { ["Content-Length"] = length == false and false or nil } }
        assert.equal("too_large: the response is larger than allowed", api.line(err))
        assert.is_false(err.retryable)
        assert.is_nil(err.response)
        assert.equal("too_large: the response is larger than allowed (GET /user) - raise "
          .. "max_response_size, or use save_to or on_data", tostring(err))
      end
    end
    sandbox:answer { path = "/user", body = "x", ["repeat"] = CAP,
      headers = { ["Content-Type"] = "text/plain" } }
    assert.equal(CAP, #client:get("/user").body)
  end)

  it("is larger than the cap once it is decompressed", function()
    local zeros = shell.run "head -c 1000000 /dev/zero | gzip -9 | base64 -w0"
    assert.is_true(#zeros < CAP)
    local err = fails { body_base64 = zeros, headers = { ["Content-Encoding"] = "gzip" } }
    assert.equal("too_large: the response is larger than allowed", api.line(err))
    sandbox:answer { path = "/user",
      body_base64 = shell.run [[printf '{"userName":"packed"}' | gzip | base64 -w0]],
      headers = { ["Content-Encoding"] = "gzip", ["Content-Type"] = "application/json" } }
    assert.equal("packed", client:get("/user").data.userName)
  end)

  it("has more than 1000 header fields, or more than 256 KiB of them", function()
    local message = "too_large: the response has too many or too large headers "
      .. "(at most 1000, 256 KiB in total)"
    local function many(count, length)
      local headers = {}
      for index = 1, count do
        headers[("X-Field-%d"):format(index)] = ("v"):rep(length)
      end
      return { body = "{}", headers = headers }
    end
    local http1 = sandbox:logged_in { http_version = "1.1" }
    local default = client
    sandbox:seen()
    for _, each in ipairs { client, http1 } do
      client = each
      for _, status in ipairs { 200, 404 } do
        local answer = many(1001, 1)
        answer.status = status
        local err = fails(answer)
        assert.equal(message, api.line(err))
        assert.equal(message .. " (GET /user)", tostring(err))
      end
      local answer = many(900, 100)
      answer.path, answer.headers["Content-Type"] = "/user", "application/json"
      sandbox:answer(answer)
      assert.equal(("v"):rep(100), mic.assert(client:get "/user").headers["x-field-900"])
      sandbox:seen()
    end
    client = default
    local answer = many(1001, 1)
    answer.path = "/auth/login"
    sandbox:answer(answer)
    local _, err = client:login(sandbox.username, sandbox.password)
    assert.equal(message, api.line(err))
    http1:close()

    local long = faults.start("read\nsend HTTP/1.1 200 OK\\r\\n\nrepeat 900 X-Field: "
      .. ("v"):rep(300) .. "\\r\\n\nsend Content-Length: 0\\r\\n\\r\\n")
    local other = mic.new { base_url = long.url, api_key = "k", retry = false }
    _, err = other:get("/x", { auth = false })
    assert.equal(message, api.line(err))
    other:close()
    long.stop()
  end)

  it("is endless: it ends at the cap with an error", function()
    local err = fails { body = ("x"):rep(1000), ["repeat"] = 1000000,
      headers = { ["Content-Length"] = false } }
    assert.equal("too_large", err.kind)
  end)

  it("says that it is compressed and is not", function()
    local err = fails { body = '{"userName":"demo"}', headers = { ["Content-Encoding"] = "gzip" } }
    assert.equal("network: the compressed response is invalid", api.line(err))
    assert.equal("CURLE_BAD_CONTENT_ENCODING", err.code)
  end)

  it("holds broken JSON", function()
    for body, problem in pairs {
      ['{"a":1'] = "incomplete JSON (ends after 6 bytes)",
      ["{'a':1}"] = "not valid JSON at byte 2 of 7",
      ['{"a":1} x'] = "not valid JSON at byte 9 of 9",
      ['{"a":tru}'] = "not valid JSON at byte 6 of 9",
      ["[NaN]"] = "not valid JSON at byte 2 of 5",
    } do
      local err = fails { body = body }
      assert.equal("decode: the response is " .. problem, api.line(err))
      assert.equal(200, err.status)
      assert.equal(body, err.response.body)
      assert.is_nil(err.response.data)
    end
  end)

  it("holds broken JSON, and the caller wants the bytes only", function()
    sandbox:answer { path = "/user", body = "{" }
    local response = client:get("/user", { decode = false })
    assert.same({ 200, "{" }, { response.status, response.body })
  end)

  it("is an error under status 200", function()
    local err = fails { body = '{"errorMessage":"it broke"}' }
    assert.equal("http: it broke", api.line(err))
    assert.equal(200, err.status)
    err = fails { body = '{"errorMessage":{"messageKey":"KEY","message":"inner","property":"p"}}' }
    assert.same({ "http", "inner", "KEY", "p" }, { err.kind, err.message, err.key, err.property })
    sandbox:answer { path = "/user", body = '{"errorMessage":null,"a":1}' }
    assert.equal(1, client:get("/user").data.a)
  end)

  it("is an error with an odd body", function()
    for body, message in pairs {
      [""] = "the response has no body",
      ["null"] = "null",
      ["{}"] = "an answer of unknown form, see err.response.body",
      ["[]"] = "an answer of unknown form, see err.response.body",
      ["{"] = "an answer of unknown form, see err.response.body",
      ['{"message":5}'] = "an answer of unknown form, see err.response.body",
      ['{"message":{"message":{"message":{"message":{"message":"deep"}}}}}'] =
        "an answer of unknown form, see err.response.body",
      ["<html><title>502 Bad\r\nGateway</title></html>"] = "502 Bad Gateway",
      ["<html></html>"] = "the response is an HTML page, not JSON",
      ["plain text\r\nof two lines"] = "plain text of two lines",
      ['"a string"'] = "a string",
    } do
      local err = fails { status = 502, body = body }
      assert.equal("http: " .. message, api.line(err))
      assert.is_true(err.retryable)
      assert.is_nil(tostring(err):find "[\r\n]")
    end
    assert.equal(300, #fails({ status = 400, body = ("x"):rep(5000) }).message)
  end)

  it("ends in the middle, or never began", function()
    local err = fails { body = ("x"):rep(100), cut = 50 }
    assert.equal("network", err.kind)
    assert.is_true(err.retryable)
    assert.is_nil(err.response)
    err = fails { cut = 0 }
    assert.equal("network", err.kind)
  end)

  it("takes longer than allowed", function()
    local err = fails({ delay = 20 }, { timeout = 0.1 })
    assert.equal("timeout: no complete response within the time limit", api.line(err))
    assert.equal("CURLE_OPERATION_TIMEDOUT", err.code)
    err = fails({ delay = 20 }, { deadline = 0.1 })
    assert.equal("timeout", err.kind)
  end)

  it("does not come, since the port is closed", function()
    local other = sandbox:client { base_url = "https://localhost:1/prod" }
    local _, err = other:login(sandbox.username, sandbox.password)
    assert.equal("network: could not connect to localhost:1", api.line(err))
    assert.equal("CURLE_COULDNT_CONNECT", err.code)
    other:close()
  end)

  it("comes from a server with an unknown certificate", function()
    local other = sandbox:client { tls = {} }
    local _, err = other:login(sandbox.username, sandbox.password)
    assert.same(libcurl.unverified, { err.message, err.hint })
    other:close()
    other = sandbox:client { tls = { ca_file = "/does/not/exist" } }
    _, err = other:login(sandbox.username, sandbox.password)
    assert.equal("tls", err.kind)
    assert.equal("check tls.ca_file and tls.ca_path", err.hint)
    other:close()
    assert.equal("", sandbox:seen())
  end)
end)

describe("a stack's manifest that cannot be used", function()
  local sandbox = api.around()
  local client

  local function make()
    client = cleanup.close(mic.new {
      stack = sandbox.stack,
      manifest_url = sandbox.manifest_url,
      username = sandbox.username,
      password = sandbox.password,
      tls = { ca_file = sandbox.ca_file },
    })
  end

  before_each(function()
    make()
  end)

  --- The first call gets these answers; returns its error. The next call works.
  local function fails(answer, path, came)
    answer.path = path or "/discovery/manifest/"
    sandbox:answer(answer)
    sandbox:seen()
    local response, err = client:get "/user"
    assert.is_nil(response)
    assert.equal(came or "GET /discovery/manifest/?hostname=" .. sandbox.stack, sandbox:seen())
    assert.equal(200, client:get("/user").status)
    client:close()
    make()
    return err
  end

  it("is empty, no JSON, or names no API", function()
    local err = fails { body = "{}" }
    assert.equal("config: the manifest of the stack " .. sandbox.stack .. " is empty",
      api.line(err))
    assert.equal("unknown stack: check the host name in the option stack", err.hint)
    for _, body in ipairs { "[]", '{"StackName":"prod"}', '{"ApiGatewayRootUrl":5}',
      '{"ApiGatewayRootUrl":""}', '{"ApiGatewayRootUrl":null}' } do
      assert.equal("config", fails({ body = body }).kind)
    end
    for _, body in ipairs { "", "text", "{", "5", "null", '"x"' } do
      assert.equal("decode", fails({ body = body }).kind)
    end
    err = fails { status = 500, body = '{"message": "Internal server error"}' }
    assert.equal("http: Internal server error", api.line(err))
  end)

  it("names an API that cannot be one: nothing is sent there", function()
    for root, problem in pairs {
      ["ftp://host"] = "must begin with https://",
      ["host"] = "must begin with https://",
      ["http://host.example"] = "must begin with https://: plain http would send the secrets",
      ["https://user:word@localhost"] = "must not contain a user name or password",
      ["https://localhost/?x"] = "must not contain ? or #",
      ["https://local host"] = "has a space, a control byte or a non-ASCII byte",
      ["https://localhost\\r\\n"] = "has a space, a control byte or a non-ASCII byte",
      ["https://localhost/.."] = "has an invalid path",
      ["https://"] = "must begin with https://",
    } do
      local err = fails { body = ('{"ApiGatewayRootUrl":"%s","StackName":"prod"}'):format(root) }
      assert.equal("config", err.kind)
      assert.is_truthy(err.message:find(problem, 1, true), err.message)
    end
  end)

  it("of the API brings no key, or one that no header can carry", function()
    local path = "/metadata/manifest"
    local came = "GET /discovery/manifest/?hostname=" .. sandbox.stack .. "\nGET " .. path
    for _, body in ipairs { "{}", '{"ApiKey":null}', '{"ApiKey":""}', '{"ApiKey":5}' } do
      local err = fails({ body = body }, path, came)
      assert.equal("config: the manifest of the API has no ApiKey", api.line(err))
    end
    local err = fails({ body = [[{"ApiKey":"a\r\nb: c"}]] }, path, came)
    assert.equal("config", err.kind)
    assert.is_truthy(err.message:find("api_key has a line break in its value", 1, true))
    assert.is_nil(err.message:find "b: c")
  end)
end)
