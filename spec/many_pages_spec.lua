-- The proof that loops over a moving time window lose nothing and give nothing twice: 25,000
-- observations, 300 of them at one millisecond, arrivals and failures between the pages. Pages of
-- one and two are proved with fewer, but with MIC_LONG=1: they need up to two requests for each
-- millisecond.

local api = require "spec.support.api"

local FEW = os.getenv "MIC_LONG" and 25000 or 1200

--- The ids that a loop hands out, each as often as it does.
local function collect(it, between)
  local ids, count = {}, 0
  while true do
    local item, hit = it:next()
    if item == nil then
      assert(it.err == nil, tostring(it.err))
      return ids, count
    end
    local id = hit._id
    ids[id] = (ids[id] or 0) + 1
    count = count + 1
    if between then
      between(count, item)
    end
  end
end

describe("many observations", function()
  local box = api.start()
  local client

  before_each(function()
    box:reset()
    client = box:logged_in { retry = { base = 0.001, cap = 0.002 } }
  end)

  --- The multiset of what is in the sandbox, and none twice.
  local function expected(count, added)
    local ids = {}
    for number = 1, count do
      ids[("many-%06d"):format(number)] = 1
    end
    for _, id in ipairs(added) do
      ids[id] = 1
    end
    return ids
  end

  local function difference(ids, wanted)
    local lost, double, foreign = 0, 0, 0
    for id in pairs(wanted) do
      lost = lost + (ids[id] and 0 or 1)
    end
    for id, count in pairs(ids) do
      double = double + count - 1
      foreign = foreign + (wanted[id] and 0 or 1)
    end
    return ("%d lost, %d double, %d foreign"):format(lost, double, foreign)
  end

  --- Reads all of them while others arrive, at the time that is read and later ones, and searches
  --- fail.
  local function prove(count, size, every, faults)
    box:mode { observations = count, search_faults = faults }
    local added = {}
    local it = client.observations:each { page_size = size }
    local ids, total = collect(it, function(number, item)
      if number % every == 0 and number < count - size then
        -- Not at times before that of the page, which are past.
        local last = box:control("GET", "/observations").last
        for _, wanted in ipairs {
          { timestamp = last, count = 2 }, { timestamp = item.timestamp + 700000 },
          { timestamp = last + 10, count = 3 },
        } do
          for _, id in ipairs(box:control("POST", "/observations", wanted).ids) do
            added[#added + 1] = id
          end
        end
      end
    end)
    assert.are.equal("0 lost, 0 double, 0 foreign", difference(ids, expected(count, added)))
    assert.are.equal(count + #added, total)
    assert.is_true(#added > 0)
  end

  it("come once each, by pages of 500, while others arrive and searches fail", function()
    prove(25000, 500, 5000, 13)
  end)

  it("come once each, by pages of 7", function()
    prove(25000, 7, 6000, 41)
  end)

  it("come once each, by pages of 2", function()
    prove(FEW, 2, FEW / 4, 41)
  end)

  it("come once each, by pages of 1", function()
    prove(FEW, 1, FEW / 4, 41)
  end)
end)
