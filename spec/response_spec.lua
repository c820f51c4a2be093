-- Responses: status, headers, data by content type, url, timings.

local api = require "spec.support.api"
local mic = require "mic"
local response = require "mic.http.response"

local HEAD = table.concat({
  "HTTP/1.1 200 OK",
  "Content-Type: application/json",
  "X-Amzn-RequestId: 7f3a",
  "Set-Cookie: a=1; Path=/",
  "Warning: one",
  "set-cookie: b=2",
  "WARNING:two, three",
  "X-Empty:",
  "", "",
}, "\r\n")

--- A response of a reply that the core would bring.
local function make(changes, decode)
  local reply = {
    status = 200, head = HEAD, body = "", url = "https://h/prod/x", http_version = "2",
    new_connection = true, content_type = "application/json", timings = { total = 0.5 },
  }
  for name, value in pairs(changes) do
    reply[name] = value ~= "none" and value or nil
  end
  return response.new(reply, 3, decode ~= false)
end

describe("a response", function()
  it("has its headers in any case", function()
    local headers = make({}).headers
    for _, name in ipairs { "x-amzn-requestid", "X-Amzn-RequestId", "X-AMZN-REQUESTID" } do
      assert.equal("7f3a", headers[name])
    end
    assert.is_nil(headers["x-other"])
    assert.is_nil(headers["X-Other"])
    assert.is_nil(headers[1])
    assert.equal("", headers["X-Empty"])
  end)

  it("lists its headers under lower-case names", function()
    local names = {}
    for name in pairs(make({}).headers) do
      names[#names + 1] = name
    end
    table.sort(names)
    assert.same({ "content-type", "set-cookie", "warning", "x-amzn-requestid", "x-empty" }, names)
  end)

  it("joins many headers of one name in time that grows with their number", function()
    local count = 300000 -- two seconds and more where each joins the pieces before it
    local started = os.clock()
    local made = make { head = "HTTP/1.1 200 OK\r\n" .. ("A: b\r\n"):rep(count) .. "\r\n" }
    assert.equal(("b, "):rep(count - 1) .. "b", made.headers.a)
    assert.equal(count, #made:header_values "a")
    assert.is_true(os.clock() - started < 1.2)
  end)

  it("joins repeated headers, and has all of them by name", function()
    local made = make {}
    assert.equal("a=1; Path=/, b=2", made.headers["set-cookie"])
    assert.equal("one, two, three", made.headers.Warning)
    assert.same({ "a=1; Path=/", "b=2" }, made:header_values "Set-Cookie")
    assert.same({ "one", "two, three" }, made:header_values "warning")
    assert.same({ "7f3a" }, made:header_values "X-AMZN-requestid")
    assert.same({}, made:header_values "X-Other")
  end)

  it("has all values also when the headers were not looked at before", function()
    assert.same({ "a=1; Path=/", "b=2" }, make({}):header_values "set-cookie")
  end)

  it("has the fields of the reply", function()
    local made = make { status = 201, body = '{"a":1}' }
    assert.equal(201, made.status)
    assert.equal('{"a":1}', made.body)
    assert.equal("https://h/prod/x", made.url)
    assert.equal("2", made.http_version)
    assert.is_true(made.new_connection)
    assert.equal(3, made.attempts)
    assert.equal(0.5, made.timings.total)
    assert.is_nil(made.no_such_member)
  end)

  it("shows its status and its size as text, not its content", function()
    assert.equal("mic.response (200, 10 bytes)", tostring(make { body = '["secret"]' }))
    assert.equal("mic.response (204, 0 bytes)", tostring(make { status = 204, body = "none" }))
  end)

  it("has data when the content type is JSON or missing", function()
    for _, content_type in ipairs {
      "application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8",
      " application/json ", "text/json", "application/problem+json", "application/hal+JSON; v=1",
      "application/vnd.mic.thing+json ; a=b", "none",
    } do
      local made, problem = make { content_type = content_type, body = '{"a":[1,"b"]}' }
      assert.is_nil(problem)
      assert.same({ a = { 1, "b" } }, made.data, content_type)
    end
  end)

  it("has no data for other types; the body is there, and is not called broken", function()
    for _, content_type in ipairs {
      "text/plain", "text/html; charset=utf-8", "application/octet-stream", "application/jsonp",
      "application/json-seq", "application/xml+jsonx", "application/x-ndjson", "image/png",
      "text/plain; was=application/json", "multipart/x; boundary=+json",
    } do
      local made, problem = make { content_type = content_type, body = '{"a":1}' }
      assert.is_nil(problem)
      assert.is_nil(made.data, content_type)
      assert.equal('{"a":1}', made.body)
      assert.is_nil(select(2, make { content_type = content_type, body = "<a>" }))
    end
  end)

  it("has no data for an empty body, whatever its type", function()
    for _, content_type in ipairs { "application/json", "text/plain", "none" } do
      for _, body in ipairs { "", "none" } do
        local made, problem = make { status = 204, content_type = content_type, body = body }
        assert.is_nil(problem)
        assert.is_nil(made.data)
        assert.equal("", made.body)
      end
    end
  end)

  it("has no data when the caller does not want it decoded", function()
    for _, body in ipairs { '{"a":1}', "{", "" } do
      local made, problem = make({ body = body }, false)
      assert.is_nil(problem)
      assert.is_nil(made.data)
      assert.equal(body, made.body)
    end
  end)

  it("has any JSON value as data", function()
    assert.equal(mic.null, make({ body = "null" }).data)
    assert.is_false(make({ body = "false" }).data)
    assert.is_true(make({ body = " true " }).data)
    assert.equal("text", make({ body = '"text"' }).data)
    assert.equal(12, make({ body = "12" }).data)
    assert.same({ 1, { "a" } }, make({ body = '[1,["a"]]' }).data)
    assert.same({}, make({ body = "{}" }).data)
    assert.equal(mic.null, make({ body = '{"a":null}' }).data.a)
  end)

  it("has whole numbers that print without a fraction, exact up to 2^53", function()
    local data = make({
      body = '{"n":191,"deep":[{"m":-7}],"time":1546300800000,"big":9007199254740992,"half":0.5}',
    }).data
    assert.equal("191", mic.json.encode(data.n))
    assert.equal("1546300800000", mic.json.encode(data.time))
    assert.equal(9007199254740992, data.big)
    assert.equal("0.5", tostring(data.half))
    if math.type then -- luacheck: ignore 143
      for _, number in ipairs { data.n, data.deep[1].m, data.time, data.big } do
        assert.equal("integer", math.type(number)) -- luacheck: ignore 143
      end
    end
    assert.equal("191 -7", data.n .. " " .. data.deep[1].m)
  end)

  it("comes with the problem of a body that is not JSON", function()
    local made, problem = make { body = '{"a":' }
    assert.equal("incomplete JSON (ends after 5 bytes)", problem)
    assert.is_nil(made.data)
    assert.equal('{"a":', made.body)
    assert.is_truthy(select(2, make { body = " " }))
  end)
end)

describe("the response of a call", function()
  local sandbox = api.start()
  local client = sandbox:logged_in()

  --- Scripts an answer and requests it.
  local function get(answer, opts)
    answer.path = "/user"
    answer.headers = answer.headers or { ["Content-Type"] = "application/json" }
    sandbox:answer(answer)
    return client:get("/user", opts)
  end

  it("has its url and timings", function()
    local made = assert(client:get("/users/{userName}", {
      params = { userName = "anna" }, query = { attributes = "userName" },
    }))
    assert.equal(sandbox.base_url .. "/users/anna?attributes=userName", made.url)
    assert.equal(1, made.attempts)
    assert.equal("2", made.http_version)
    for _, name in ipairs { "name_lookup", "connect", "tls", "first_byte", "total" } do
      assert.equal("number", type(made.timings[name]), name)
      assert.is_true(made.timings[name] >= 0, name)
    end
    assert.is_true(made.timings.total > 0)
    assert.is_true(made.timings.total >= made.timings.first_byte)
    assert.is_truthy(made.headers["X-Amzn-RequestId"])
  end)

  it("has repeated headers of the wire", function()
    local made = assert(get { body = "{}", headers = {
      ["Content-Type"] = "application/json", ["X-Two"] = { "a", "b, c" },
    } })
    assert.equal("a, b, c", made.headers["x-two"])
    assert.same({ "a", "b, c" }, made:header_values "X-TWO")
  end)

  it("is decoded by the content type of the wire", function()
    for content_type, decoded in pairs {
      ["application/json"] = true, ["application/problem+json"] = true,
      ["text/json; charset=utf-8"] = true, ["text/plain"] = false,
    } do
      local made = assert(get { body = '{"a":1}', headers = { ["Content-Type"] = content_type } })
      assert.same(decoded and { a = 1 } or nil, made.data)
    end
    assert.same({ a = 1 }, assert(get { body = '{"a":1}', headers = {} }).data)
  end)

  it("of 204 has neither body nor data", function()
    local made = assert(get { status = 204, headers = { ["Content-Length"] = false } })
    assert.equal(204, made.status)
    assert.equal("", made.body)
    assert.is_nil(made.data)
  end)

  it("with an errorMessage under 200 is an error, whatever kind of value that is", function()
    local made, err = get { body = '{"errorMessage":"it broke"}' }
    assert.is_nil(made)
    assert.same({ "http", 200, "it broke" }, { err.kind, err.status, err.message })
    assert.equal("it broke", err.response.data.errorMessage)
    local inner = '{"messageKey":"THING_NOT_FOUND","message":"Thing not found","property":"thing"}'
    for _, value in ipairs { inner, mic.json.encode(inner) } do -- an object, or its text
      made, err = get { body = '{"errorMessage":' .. value .. "}" }
      assert.is_nil(made)
      assert.same({ "http", "THING_NOT_FOUND", "Thing not found", "thing" },
        { err.kind, err.key, err.message, err.property })
    end
    for _, value in ipairs { "{}", "[]", "5", '""', "true", "false" } do
      made, err = get { body = '{"errorMessage":' .. value .. "}" }
      assert.is_nil(made, value)
      assert.equal("http", err.kind, value)
    end
  end)

  it("with an errorMessage that is null, or not at the top, is a success", function()
    assert.equal(1, assert(get { body = '{"errorMessage":null,"a":1}' }).data.a)
    assert.is_table(assert(get { body = '{"inner":{"errorMessage":"x"}}' }).data.inner)
    assert.is_table(assert(get { body = '[{"errorMessage":"x"}]' }).data[1])
    assert.equal("errorMessage", assert(get { body = '"errorMessage"' }).data)
  end)

  it("is not searched for an errorMessage when it is not decoded", function()
    local body = '{"errorMessage":"it broke"}'
    local made = assert(get({ body = body }, { decode = false }))
    assert.same({ 200, body }, { made.status, made.body })
    assert.is_nil(made.data)
    made = assert(get { body = body, headers = { ["Content-Type"] = "text/plain" } })
    assert.equal(body, made.body)
  end)

  it("of an error is whole in err.response", function()
    local _, err = get { status = 404, body = '{"message":{"message":"gone"},"a":1}', headers = {
      ["Content-Type"] = "application/json", ["X-Two"] = { "a", "b" },
    } }
    assert.equal(404, err.response.status)
    assert.equal(1, err.response.data.a)
    assert.same({ "a", "b" }, err.response:header_values "x-two")
    assert.equal(sandbox.base_url .. "/user", err.response.url)
    assert.equal(1, err.response.attempts)
    assert.is_true(err.response.timings.total > 0)
  end)
end)
