-- The examples run as they stand, against the sandbox, on the interpreter under test.

local blocks = require "spec.support.blocks"
local tree = require "spec.support.tree"

--- What each prints, to the byte but for request ids. The demo has a spec of its own.
local expected = {
  ["examples/quickstart.lua"] = [[
demo  Demo User  demo@example.com
]],

  ["examples/by_hand.lua"] = [[
demo  Demo User  demo@example.com
the client goes on as demo
]],

  ["examples/query_identity.lua"] = [[
100%
a/b
path and query: /prod/users?attributes=userName&size=2
identityId in it: no
]],

  ["examples/download.lua"] = [[
 25 %
 50 %
 75 %
100 %
status 200, 4194304 bytes in the file
file	ENOENT
]],

  ["examples/batch.lua"] = [[
anna    anna@example.com
a/b     a.b@example.com
100%    100.@example.com
nobody  USER_NOT_FOUND
4 calls, 1 login, 0 retries
]],

  ["examples/observations.lua"] = [[
00001570  Roof     24 reports  17.9 degrees on average
00001571  Harbour  24 reports  18.1 degrees on average
00001573  Bridge   24 reports  17.9 degrees on average
72 reports in 3 pages
]],

  ["examples/follow.lua"] = [[
first run	8
second run	0
]],

  ["examples/cqueues.lua"] = [[
anna    anna@example.com
nobody  USER_NOT_FOUND
something else ran meanwhile: yes
]],

  ["examples/luv.lua"] = [[
anna    anna@example.com
a/b     a.b@example.com
nobody  USER_NOT_FOUND
the loop turned meanwhile: yes
]],

  ["examples/other_api.lua"] = [[
first call   200  logins: 1, refreshes: 0
second call  200  logins: 1, refreshes: 0
expired      200  logins: 1, refreshes: 1
forbidden    403  permission denied for table things
profile      supabase
]],

  ["examples/job.lua"] = [[
demo	logged in
]],

  ["examples/own_store.lua"] = [[
the store passes all tests: true
demo
logins: 1 and 0
]],

  ["examples/errors.lua"] = [[
missing login    auth    call client:login(), or make the client with username and password
wrong password   auth    check username and password
wrong API key    http    check api_key, and the stage ("/prod") at the end of base_url
unknown stack    config  unknown stack: check the host name in the option stack
no connection    network  check the URL's host and port, and the proxy if there is one
                 retryable: true, code: CURLE_COULDNT_CONNECT
unknown path     http    there is no such path or method
unknown user     http    User not found
                 status: 404, key: USER_NOT_FOUND
http 404 USER_NOT_FOUND: User not found: userName (GET /users/nobody, request ID)
                 request_id: ID
bad option       raised  HERE: unknown option "baseURL"; did you mean "base_url"?
]],
}

describe("the examples", function()
  local scripts = {}
  for _, path in ipairs(tree.files("examples", "%.lua$")) do
    local elsewhere = path == "examples/demo.lua" or path:find "^examples/%a+/"
    if not elsewhere then
      scripts[#scripts + 1] = { path = path }
    end
  end

  it("are all known here", function()
    local known = 0
    for _ in pairs(expected) do
      known = known + 1
    end
    assert.equal(known, #scripts)
    assert.is_true(known > 0)
  end)

  for _, script in ipairs(blocks.run(scripts)) do
    it(script.path .. " prints what it promises", function()
      assert.equal(0, script.code, script.printed)
      local printed = blocks.settled(script.printed):gsub("%S+/errors%.lua:%d+:", "HERE:")
      assert.equal(expected[script.path], printed)
    end)
  end

  it("fail with a readable line when the environment says nothing", function()
    local script = blocks.run(
      { { path = "examples/quickstart.lua" } },
      "unset MIC_BASE_URL MIC_STACK"
    )[1]
    assert.equal(1, script.code)
    assert.is_truthy(script.printed:find("config: MIC_BASE_URL is missing", 1, true),
      script.printed)
  end)
end)

describe("the example with the identity in the query", function()
  local script = { text = [[
    local mic = require "mic"
    dofile "examples/query_identity.lua"
    local control = mic.new { base_url = os.getenv "MIC_SANDBOX_CONTROL", api_key = "-" }
    for _, entry in ipairs(control:get("/log", { auth = false }).data) do
      print(entry.path:match "^[^?]*", entry.path:find "identityId=" ~= nil, entry.identityId)
    end
  ]] }

  it("sends it there and in no header, as the sandbox saw it", function()
    blocks.run { script }
    assert.equal(0, script.code, script.printed)
    local seen = script.printed:match "identityId in it: no\n(.*)$"
    assert.equal("/prod/auth/login\tfalse\tfalse\n/prod/users\ttrue\tfalse\n", seen)
  end)
end)

describe("the example of a job", function()
  it("needs a login at its first run only", function()
    local runs = blocks.run { { path = "examples/job.lua" }, { path = "examples/job.lua" } }
    assert.equal("demo\tlogged in\n", runs[1].printed)
    assert.equal("demo\twith a saved login\n", runs[2].printed)
  end)

  it("says so when its store cannot be used", function()
    local job = { path = "examples/job.lua" }
    blocks.run({ job }, "export XDG_STATE_HOME=/dev/null")
    assert.is_truthy(job.printed:find("^store: .*/dev/null/lua%-mic"), job.printed)
  end)
end)
