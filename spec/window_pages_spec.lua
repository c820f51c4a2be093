-- Pages by a moving range in random worlds, without a server: few or many documents at one time,
-- another order of equal times each time, small windows, answers too large or cut short, arrivals,
-- and a new loop behind a position at any place.

local find = require "mic.api.find"
local position = require "mic.api.position"
local window_pages = require "mic.api.window_pages"

local WORLDS = os.getenv "MIC_LONG" and 5000 or 150
local MOST = 5000 -- requests of a world

local base
for _, row in ipairs(require "mic.api.endpoints") do
  base = row.name == "observations.find" and row or base
end

--- A random number generator of our own: the same worlds on every Lua.
local function generator(seed)
  local state = seed * 7919 + 1
  return function(low, high)
    state = (state * 16807) % 2147483647
    return low + math.floor(state / 2147483647 * (high - low + 1))
  end
end

local function make_world(seed)
  local random = generator(seed)
  local world = {
    random = random,
    documents = {},
    window = random(5, 60),
    cap = random(1, 4) == 1 and random(1, 20) or math.huge,
    descending = random(1, 3) == 1,
    shrinks = random(1, 3) == 1,
    arrives = random(1, 2) == 1,
  }
  world.page_size = random(1, math.min(world.window, 20))
  local time = 1700000000000
  for _ = 1, random(0, 40) do
    time = time + random(1, 3)
    local ties = random(1, 4) == 1 and random(1, world.window) or random(1, 3)
    for _ = 1, math.min(ties, world.window) do
      local id = tostring(#world.documents + 1)
      world.documents[#world.documents + 1] = { time = time, id = id }
    end
  end
  return world
end

--- Answers a search like Elasticsearch, with equal times in random order.
local function answer(world, body)
  local search = body.query
  local filter = search.query.bool.filter
  local bounds = filter[#filter].range.timestamp
  local found = {}
  for _, document in ipairs(world.documents) do
    if document.time >= (bounds.gte or 0) and document.time <= (bounds.lte or math.huge) then
      found[#found + 1] = { document = document, tie = world.random(1, 1000000) }
    end
  end
  table.sort(found, function(a, b)
    if a.document.time ~= b.document.time then
      return (a.document.time < b.document.time) ~= world.descending
    end
    return a.tie < b.tie
  end)
  local hits, from = {}, search.from or 0
  assert(from + search.size <= world.window, "beyond the window")
  for index = from + 1, math.min(#found, from + math.min(search.size, world.cap)) do
    local document = found[index].document
    hits[#hits + 1] = { _id = document.id, sort = { document.time } }
  end
  return { status = 200, headers = {}, data = { hits = { total = #found, hits = hits } } }
end

local function begin(world, place)
  local names = {}
  for name, value in pairs(base.pages) do
    names[name] = value
  end
  names.window = world.window
  return window_pages.new {
    row = base,
    names = names,
    parts = find.split(base, {}, "each", 1800000000),
    field = "timestamp",
    is_time = true,
    descending = world.descending,
    sort = { { timestamp = world.descending and "desc" or "asc" } },
    page_size = world.page_size,
    place = place,
  }
end

--- Adds a document behind what was received.
local function arrive(world, pages)
  local last = pages.value or pages.behind or 1700000000000
  if world.descending then
    last = 1700000009999
  end
  local time, id, ties = last + world.random(1, 4), "later " .. #world.documents, 0
  for _, document in ipairs(world.documents) do
    ties = ties + (document.time == time and 1 or 0)
  end
  if ties < world.window then
    world.documents[#world.documents + 1] = { time = time, id = id, is_ignored = world.descending }
  end
end

--- Reads all, and returns how often each document came.
local function read(world)
  local counts, requests = {}, 0
  local pages = begin(world)
  while not pages.done do
    requests = requests + 1
    assert(requests < MOST, "no end")
    local request = pages:request()
    if world.shrinks and world.random(1, 8) == 1 then
      pages:shrink()
    else
      local page, err = pages:accept(answer(world, request.data))
      if err and err.message:find "in 10 attempts" then
        page = { list = {} } -- as after `retry`
      end
      assert(page, tostring(err))
      local stop = world.random(1, 6) == 1 and #page.list > 0 and world.random(1, #page.list)
      for index = 1, stop or #page.list do
        local id = page.list[index]._id
        counts[id] = (counts[id] or 0) + 1
      end
      if world.arrives and #world.documents < 300 and world.random(1, 3) == 1 then
        if not pages.done then
          arrive(world, pages)
        end
      end
      if stop then -- goes on behind its position, with other pages
        local text = position.text("n", "k", pages:place(page, stop))
        world.page_size = world.random(1, math.min(world.window, 20))
        pages = begin(world, position.place(text, "n", "k", "each"))
      end
    end
  end
  return counts
end

describe("pages by a moving range", function()
  it("hand out everything once, in each of many worlds", function()
    for seed = 1, WORLDS do
      local world = make_world(seed)
      local ok, counts = pcall(read, world)
      assert(ok, ("world %d: %s"):format(seed, tostring(counts)))
      for _, document in ipairs(world.documents) do
        local count = counts[document.id] or 0
        local wanted = document.is_ignored and count or 1
        assert(count == wanted,
          ("world %d: %s came %d times"):format(seed, document.id, count))
      end
    end
  end)
end)
