-- examples/nginx, unchanged, against the sandbox.

local api = require "spec.support.api"
local cleanup = require "spec.support.cleanup"
local clock = require "spec.support.clock"
local json = require "mic.json"
local nginx = require "spec.support.nginx"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

describe("the nginx example", function()
  local box, output = api.start(), scratch.file ""
  local url

  setup(function()
    local port = shell.port()
    url = "http://127.0.0.1:" .. port
    nginx.build()
    local words = {
      "MIC_BASE_URL=" .. shell.quote(box.base_url),
      "MIC_API_KEY=" .. shell.quote(box.api_key),
      "MIC_USERNAME=" .. shell.quote(box.username),
      "MIC_PASSWORD=" .. shell.quote(box.password),
      "MIC_CA_FILE=" .. shell.quote(box.ca_file),
      "PORT=" .. port,
    }
    local pipe = shell.start(
      ("%s examples/nginx/start >%s 2>&1 & echo $!; wait"):format(table.concat(words, " "), output)
    )
    local pid = pipe:read "*l"
    cleanup.call(function()
      shell.run("kill " .. pid)
      pipe:close()
    end)
  end)

  it("says what its URL must be", function()
    local printed, status = shell.run(
      "MIC_BASE_URL=http://localhost/prod MIC_API_KEY=k examples/nginx/start 2>&1"
    )
    assert.same({ "MIC_BASE_URL must begin with https://\n", 2 }, { printed, status })
  end)

  it("takes an OpenResty if the other nginx has no Lua module", function()
    local printed, status = shell.run [[
      dir=$(mktemp -d)
      trap 'rm -rf "$dir"' EXIT
      echo 'echo "--modules-path=/nowhere --add-module=/x/echo" >&2' >"$dir/nginx"
      printf '%s\n' '[ "$1" = -V ] && echo "--add-module=../ngx_lua-0.10.31" && exit' \
        'grep -c load_module "$4"' 'exit 0' >"$dir/openresty"
      chmod +x "$dir"/*
      MIC_BASE_URL=https://localhost/prod MIC_API_KEY=k PORT=1 PATH=$dir:$PATH \
        examples/nginx/start 2>&1]]
    assert.is_truthy(printed:find("^http://127%.0%.0%.1:1/api/user [^\n]*\n0\n$")
      or printed:find("^0\nhttp://127%.0%.0%.1:1/api/user [^\n]*\n$"), printed)
    assert.equal(0, status)
  end)

  local function get(path)
    local body, status = shell.run(
      ("curl -q -s --noproxy '*' --max-time 10 %s%s"):format(url, path)
    )
    return status == 0 and body
  end

  it("is a gateway that needs no login of its callers", function()
    assert.is_true((clock.eventually(function()
      return get "/api/user"
    end)))
    assert.equal("demo", json.decode(get "/api/user").userName)
  end)

  it("answers with three calls at once", function()
    local answer = json.decode(get "/overview")
    assert.equal("demo", answer.user.userName)
    assert.is_truthy(answer.users and answer.types)
  end)

  it("polls in the background", function()
    assert.is_true((clock.eventually(function()
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
