-- All decisions of the policies, as tables: what follows an attempt, when a token is refreshed, how
-- long a failed refresh is not repeated. No clock and no network.

local policy = require "mic.request.policy"
local renewal_policy = require "mic.credentials.renewal_policy"
local retry = require "mic.http.retry"

--- Facts of an attempt, with these changed.
local function facts_of(base, changes)
  local facts = {}
  for name, value in pairs(base) do
    facts[name] = value
  end
  for name, value in pairs(changes) do
    facts[name] = value
  end
  return facts
end

local function show(facts)
  local parts = {}
  for name, value in pairs(facts) do
    parts[#parts + 1] = name .. "=" .. tostring(value)
  end
  table.sort(parts)
  return table.concat(parts, " ")
end

--- Every combination of one value per name: { a = { 1, 2 }, b = { 3 } } -> { a=1 b=3 }, { a=2 b=3 }
local function combinations(choices)
  local made = { {} }
  for name, values in pairs(choices) do
    local longer = {}
    for _, present in ipairs(made) do
      for _, value in ipairs(values) do
        longer[#longer + 1] = facts_of(present, { [name] = value })
      end
    end
    made = longer
  end
  return made
end

describe("policy.decide", function()
  --- A call before its first attempt.
  local CALL = {
    method = "GET", auth = true, generation = 1, present_generation = 1, renewed = 0, resent = 0,
    ensured = 0, redirects = 0,
  }

  local function check(rows, base)
    for _, row in ipairs(rows) do
      local facts = facts_of(base or CALL, row[1])
      assert.equal(row[2], policy.decide(facts), show(facts))
    end
  end

  it("waits for credentials when there are none or stale ones, twice at most", function()
    check {
      { { kind = "missing" }, "ensure" },
      { { kind = "stale" }, "ensure" },
      { { kind = "missing", ensured = 1 }, "ensure" },
      { { kind = "stale", ensured = 1 }, "ensure" },
      { { kind = "missing", ensured = 2 }, "fail" },
      { { kind = "stale", ensured = 2 }, "fail" },
      { { kind = "stale", method = "POST" }, "ensure" },
      { { kind = "stale", renewed = 1 }, "ensure" },
    }
  end)

  it("does not retry after any other failure", function()
    check {
      { { kind = "network" }, "fail" },
      { { kind = "tls" }, "fail" },
      { { kind = "timeout" }, "fail" },
      { { kind = "too_large" }, "fail" },
      { { kind = "file" }, "fail" },
      { { kind = "store" }, "fail" },
      { { kind = "cancelled" }, "fail" },
      { { kind = "closed" }, "fail" },
    }
  end)

  it("is done with any 2xx, unless it means that the token has expired", function()
    for status = 200, 299 do
      check {
        { { status = status }, "done" },
        { { status = status, means = "refused" }, "done" },
        { { status = status, means = "expired" }, "renew" },
        { { status = status, means = "expired", present_generation = 2 }, "resend" },
        { { status = status, means = "expired", renewed = 1 }, "done" },
        { { status = status, means = "expired", auth = false }, "done" },
      }
    end
  end)

  it("renews a token that the API calls expired, and sends again once", function()
    check {
      { { status = 401, means = "expired" }, "renew" },
      { { status = 403, means = "expired" }, "renew" },
      { { status = 401, means = "expired", method = "POST" }, "renew" },
      { { status = 401, means = "expired", method = "DELETE" }, "renew" },
      { { status = 401, means = "expired", ensured = 2 }, "renew" },
      { { status = 401, means = "expired", redirects = 5 }, "renew" },
      { { status = 401, means = "expired", renewed = 1 }, "fail" },
      { { status = 401, means = "expired", renewed = 2 }, "fail" },
      { { status = 401, means = "expired", resent = 1 }, "renew" },
      { { status = 401, means = "expired", resent = 3 }, "fail" },
    }
  end)

  it("only sends again when another token is there already", function()
    check {
      { { status = 401, means = "expired", present_generation = 2 }, "resend" },
      { { status = 401, means = "expired", present_generation = 9, method = "POST" }, "resend" },
      { { status = 401, means = "expired", present_generation = 2, renewed = 1 }, "fail" },
    }
  end)

  it("has nothing to renew for a call without credentials, nor for another 401", function()
    check {
      { { status = 401, means = "expired", auth = false }, "fail" },
      { { status = 401, means = "expired", auth = false, present_generation = 2 }, "fail" },
      { { status = 401 }, "fail" },
      { { status = 401, means = "refused" }, "fail" },
      { { status = 403 }, "fail" },
      { { status = 401, present_generation = 2 }, "fail" },
    }
  end)

  it("follows GET and HEAD within the origin, five times at most", function()
    local REDIRECT = facts_of(CALL, { location = "https://h/prod/x", same_origin = true })
    for _, status in ipairs { 301, 302, 303, 307, 308 } do
      check({
        { { status = status }, "redirect" },
        { { status = status, method = "HEAD" }, "redirect" },
        { { status = status, auth = false }, "redirect" },
        { { status = status, renewed = 1 }, "redirect" },
        { { status = status, redirects = 4 }, "redirect" },
        { { status = status, redirects = 5 }, "fail" },
        { { status = status, redirects = 6 }, "fail" },
        { { status = status, same_origin = false }, "fail" },
        { { status = status, location = false }, "fail" },
        { { status = status, method = "POST" }, "fail" },
        { { status = status, method = "PUT" }, "fail" },
        { { status = status, method = "PATCH" }, "fail" },
        { { status = status, method = "DELETE" }, "fail" },
        { { status = status, method = "OPTIONS" }, "fail" },
      }, REDIRECT)
    end
    for _, status in ipairs { 300, 304, 305, 306, 404 } do
      check({ { { status = status }, "fail" } }, REDIRECT)
    end
  end)

  it("does not retry after any other status", function()
    for status = 300, 599 do
      check { { { status = status }, "fail" } }
    end
  end)

  it("renews, resends or redirects in no other case at all", function()
    local counts = {}
    for _, facts in ipairs(combinations {
      status = { 200, 204, 302, 308, 400, 401, 403, 404, 429, 500, 503 },
      means = { "expired", "refused", false },
      auth = { true, false },
      present_generation = { 1, 2 },
      renewed = { 0, 1 },
      method = { "GET", "POST" },
      location = { "https://h/prod/x", false },
      same_origin = { true, false },
      redirects = { 0, 5 },
    }) do
      facts = facts_of(CALL, facts)
      local expected = "fail"
      local moves = facts.status == 302 or facts.status == 308
      if facts.means == "expired" and facts.auth and facts.renewed == 0 then
        expected = facts.present_generation == 1 and "renew" or "resend"
      elseif facts.status < 300 then
        expected = "done"
      elseif moves and facts.location and facts.same_origin and facts.method == "GET"
        and facts.redirects == 0 then
        expected = "redirect"
      end
      assert.equal(expected, policy.decide(facts), show(facts))
      counts[expected] = (counts[expected] or 0) + 1
    end
    for _, action in ipairs { "done", "fail", "redirect", "renew", "resend" } do
      assert.is_truthy(counts[action], action)
    end
  end)

  it("changes nothing in the facts", function()
    local facts = facts_of(CALL, { status = 401, means = "expired" })
    local before = show(facts)
    policy.decide(facts)
    assert.equal(before, show(facts))
  end)
end)

describe("retry.is_idempotent", function()
  it("knows the methods that may be sent twice", function()
    for method, expected in pairs {
      GET = true, HEAD = true, OPTIONS = true, PUT = true, DELETE = true,
      POST = false, PATCH = false, PROPFIND = false, get = false,
    } do
      assert.equal(expected, retry.is_idempotent(method), method)
    end
  end)
end)

describe("renewal_policy.windows", function()
  --- Seconds are compared to a millionth.
  local function near(expected, got, what)
    assert.is_true(math.abs(expected - got) < 1e-6,
      ("%s: expected %.9g, got %.9g"):format(what, expected, got))
  end

  it("are shares of the lifetime, between bounds, with a tenth of jitter", function()
    -- lifetime, advisory without jitter's luck and with all of it, mandatory
    for _, row in ipairs {
      { 2, 1, 1, 0.2 }, -- half of the life
      { 60, 30, 30, 6 },
      { 300, 54, 66, 30 }, -- the least: a minute
      { 3600, 648, 792, 60 }, -- a fifth of the life
      { 86400, 810, 990, 60 }, -- the most: 15 minutes
    } do
      for column, random in ipairs { 0, 1 } do
        local advisory, mandatory = renewal_policy.windows(row[1], nil, random)
        near(row[1 + column], advisory, ("advisory of %d s, random %d"):format(row[1], random))
        near(row[4], mandatory, ("mandatory of %d s, random %d"):format(row[1], random))
      end
    end
  end)

  it("vary evenly between the ends of the jitter", function()
    near(720, (renewal_policy.windows(3600, nil, 0.5)), "the middle")
    near(684, (renewal_policy.windows(3600, nil, 0.25)), "a quarter")
  end)

  it("begin where the user's margin says, at most nine tenths before the end", function()
    -- lifetime, margin, advisory, mandatory
    for _, row in ipairs {
      { 2, 1, 1, 0.2 },
      { 2, 30, 1.8, 0.2 },
      { 60, 30, 30, 6 },
      { 60, 59, 54, 6 },
      { 300, 30, 30, 30 },
      { 300, 10, 10, 10 }, -- the mandatory window is never the wider one
      { 300, 600, 270, 30 },
      { 3600, 30, 30, 30 },
      { 3600, 600, 600, 60 },
      { 3600, 1e9, 3240, 60 },
      { 86400, 3600, 3600, 60 },
      { 86400, 1e9, 77760, 60 },
      { 3600, 0, 0, 0 },
    } do
      for _, random in ipairs { 0, 0.5, 1 } do -- no jitter on what the user asked for
        local advisory, mandatory = renewal_policy.windows(row[1], row[2], random)
        local what = ("%d s with a margin of %g"):format(row[1], row[2])
        near(row[3], advisory, "advisory of " .. what)
        near(row[4], mandatory, "mandatory of " .. what)
      end
    end
  end)

  it("never leave a token without a time in which it is simply used", function()
    for exponent = 0, 20 do
      local lifetime = 2 ^ exponent
      for _, random in ipairs { 0, 0.5, 1 } do
        for _, margin in ipairs { false, 0, 1, 60, 1e6 } do
          local advisory, mandatory = renewal_policy.windows(lifetime, margin or nil, random)
          local what = show { lifetime = lifetime, margin = margin, random = random }
          assert.is_true(advisory <= 0.9 * lifetime + 1e-9, what)
          assert.is_true(mandatory <= advisory, what)
          assert.is_true(mandatory <= 0.1 * lifetime + 1e-9, what)
          assert.is_true(mandatory >= 0, what)
        end
      end
    end
  end)
end)

describe("renewal_policy.backoff", function()
  local function check(facts, shortest, longest)
    for random, expected in pairs {
      [0] = shortest, [1] = longest, [0.5] = (shortest + longest) / 2,
    } do
      local seconds = renewal_policy.backoff(facts_of(facts, { random = random }))
      assert.is_true(math.abs(seconds - expected) < 1e-9, show(facts) .. " -> " .. seconds)
    end
  end

  it("is half a minute to a minute while the token is good, less for short lives", function()
    -- lifetime, shortest, longest
    for _, row in ipairs {
      { 2, 0.5, 1 },
      { 60, 1.5, 3 },
      { 300, 7.5, 15 },
      { 1200, 30, 60 },
      { 3600, 30, 60 },
      { 86400, 30, 60 },
      { false, 30, 60 }, -- not known
    } do
      for _, failures in ipairs { 1, 2, 50 } do
        local facts = { lifetime = row[1] or nil, failures = failures, left = math.huge }
        check(facts, row[2], row[3])
      end
    end
  end)

  it("ends with the token, so that there is another try then", function()
    check({ lifetime = 3600, failures = 1, left = 20 }, 20, 20)
    assert.equal(40, renewal_policy.backoff {
      lifetime = 3600, failures = 1, left = 40, random = 1,
    })
    assert.equal(30, renewal_policy.backoff {
      lifetime = 3600, failures = 1, left = 40, random = 0,
    })
  end)

  it("is short without a good token, and twice as long after each failure", function()
    for failures, longest in ipairs { 1, 2, 4, 8, 16, 32, 60, 60, 60 } do
      check({ failures = failures }, longest / 2, longest)
      check({ failures = failures, lifetime = 3600 }, longest / 2, longest)
      local short = math.min(longest, 15)
      check({ failures = failures, lifetime = 300 }, short / 2, short)
    end
  end)

  it("is as long as the server asks for, up to a minute", function()
    check({ failures = 1, retry_after = 20 }, 20, 20)
    check({ failures = 1, retry_after = 3600 }, 60, 60)
    check({ failures = 1, retry_after = 0 }, 0.5, 1)
    check({ failures = 1, left = math.huge, retry_after = 60 }, 60, 60)
  end)
end)

describe("renewal_policy.backoff_left", function()
  it("believes a saved pause that can be ours, and no other", function()
    for retry_at, expected in pairs {
      [0] = false, [1000] = false, [999] = false, [1000.5] = 0.5, [1060] = 60, [1061] = false,
      [1000 + 3600] = false, [3e8] = false,
    } do
      assert.equal(expected or nil, renewal_policy.backoff_left(retry_at, 1000), tostring(retry_at))
    end
  end)
end)

describe("renewal_policy.failures_left", function()
  it("counts on until two minutes after a pause that can be ours", function()
    for left, expected in pairs {
      [60] = 5, [0.5] = 5, [0] = 5, [-1] = 5, [-120] = 5, [-120.5] = 0, [-300] = 0, [-1.7e9] = 0,
      [60.5] = 0, [3600] = 0, [math.huge] = 0, [-math.huge] = 0,
    } do
      assert.equal(expected, renewal_policy.failures_left(5, left), tostring(left))
      assert.equal(0, renewal_policy.failures_left(0, left), tostring(left))
    end
  end)

  it("doubles the pauses of processes that each fail once, at most to a minute", function()
    local ends, saved, wall = 0, 0, 1700000000
    for index = 1, 300 do
      local failures = renewal_policy.failures_left(saved, ends - wall) + 1
      local seconds = renewal_policy.backoff { failures = failures, random = 1 }
      assert.equal(index < 7 and 2 ^ (index - 1) or 60, seconds, index)
      ends = wall + seconds
      wall = ends + index % 2 -- the next comes at its end, or a second later
      saved = math.min(failures, 255) -- as in a record
    end
  end)
end)

describe("renewal_policy.refusal_left", function()
  it("is a quarter of an hour, and an hour after each further refusal", function()
    local AT = 1700000000
    for _, row in ipairs {
      -- refused how often, seconds ago, seconds left
      { 1, 0, 900 }, { 1, 899, 1 }, { 1, 900, nil }, { 1, 1e9, nil },
      { 2, 0, 3600 }, { 2, 900, 2700 }, { 2, 3600, nil }, { 50, 1, 3599 },
      -- clocks that are not alike, and one that was wrong
      { 1, -299, 1199 }, { 1, -300, 1200 }, { 1, -301, nil }, { 2, -300, 3900 },
      { 2, -301, nil }, { 2, -1e8, nil },
    } do
      local left = renewal_policy.refusal_left(AT, row[1], AT + row[2])
      assert.equal(row[3], left, row[1] .. " " .. row[2])
    end
  end)
end)
