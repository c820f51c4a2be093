-- examples/nginx as it stands, against the sandbox.

local api = require "spec.support.api"
local core = require "mic.core"
local json = require "mic.json"
local nginx = require "spec.support.nginx"
local sandbox = require "spec.support.sandbox"

describe("the nginx example", function()
  local box, pipe, pid, url, output

  setup(function()
    box = api.start()
    local port = 20000 + math.floor(core.random() * 12000)
    output = os.tmpname()
    url = "http://127.0.0.1:" .. port
    nginx.build()
    local words = {
      "MIC_BASE_URL=" .. sandbox.quote(box.base_url),
      "MIC_API_KEY=" .. sandbox.quote(box.api_key),
      "MIC_USERNAME=" .. sandbox.quote(box.username),
      "MIC_PASSWORD=" .. sandbox.quote(box.password),
      "MIC_CA_FILE=" .. sandbox.quote(box.ca_file),
      "PORT=" .. port,
    }
    pipe = io.popen(
      ("%s examples/nginx/start >%s 2>&1 & echo $!; wait"):format(table.concat(words, " "), output)
    )
    pid = pipe:read "*l"
  end)

  teardown(function()
    sandbox.run("kill " .. pid)
    pipe:close()
    os.remove(output)
    box:stop()
  end)

  it("says what its URL must be", function()
    local printed, status = sandbox.run(
      "MIC_BASE_URL=http://localhost/prod MIC_API_KEY=k examples/nginx/start 2>&1"
    )
    assert.same({ "MIC_BASE_URL must begin with https://\n", 2 }, { printed, status })
  end)

  local function get(path)
    local body, status = sandbox.run(
      ("curl -q -s --noproxy '*' --max-time 10 %s%s"):format(url, path)
    )
    return status == 0 and body
  end

  it("is a gateway that needs no login of its callers", function()
    assert.is_true((nginx.eventually(function()
      return get "/api/user"
    end, 10)))
    assert.equal("demo", json.decode(get "/api/user").userName)
  end)

  it("answers with three calls at once", function()
    local answer = json.decode(get "/overview")
    assert.equal("demo", answer.user.userName)
    assert.is_truthy(answer.users and answer.types)
  end)

  it("polls in the background", function()
    assert.is_true((nginx.eventually(function()
      return json.decode(get "/reading").userName == "demo"
    end)))
  end)

  it("logs in once for all of that, and logs nothing", function()
    local _, logins = box:seen():gsub("POST /auth/login", "")
    assert.equal(1, logins)
    local file = io.open(output)
    assert.equal(url .. "/api/user  /overview  /reading\n", file:read "*a")
    file:close()
  end)
end)
