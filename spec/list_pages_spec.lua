-- Pages by offset and by number in random worlds, without a server: lists whose order changes from
-- one request to the next, that grow and shrink, and smaller pages in the middle.

local numbered_pages = require "mic.api.numbered_pages"
local offset_pages = require "mic.api.offset_pages"
local position = require "mic.api.position"

local WORLDS = 300
local MOST = 2000 -- requests of a world

local function generator(seed)
  local state = seed * 7919 + 1
  return function(low, high)
    state = (state * 16807) % 2147483647
    return low + math.floor(state / 2147483647 * (high - low + 1))
  end
end

local function make_list(random)
  local list = {}
  for index = 1, random(0, 60) do
    list[index] = { id = index }
  end
  return list
end

local function shuffle(list, random)
  for index = #list, 2, -1 do
    local other = random(1, index)
    list[index], list[other] = list[other], list[index]
  end
end

local function slice(list, from, size)
  local part = {}
  for index = from + 1, math.min(#list, from + size) do
    part[#part + 1] = list[index]
  end
  return part
end

local function respond(data)
  return { status = 200, headers = {}, data = data }
end

--- Reads all; `answer(query)` is the server, `again(place, size)` makes the pages behind a place.
local function read(random, pages, answer, again)
  local counts, changed, requests = {}, false, 0
  while not pages.done do
    requests = requests + 1
    assert(requests < MOST, "no end")
    local request = pages:request()
    if random(1, 10) ~= 1 or not pages:shrink() then
      local page = assert(pages:accept(answer(request.query)))
      local stop = again and random(1, 5) == 1 and #page.list > 0 and random(1, #page.list)
      for index = 1, stop or #page.list do
        local id = page.list[index].id
        counts[id] = (counts[id] or 0) + 1
      end
      changed = changed or pages.changed
      if stop then
        local text = position.text("n", "k", pages:place(page, stop))
        pages = again(position.place(text, "n", "k", "each"), random(1, 20))
      end
    end
  end
  return counts, changed or pages.changed
end

local function check(seed, list, counts, changed)
  for _, entry in ipairs(list) do
    local count = counts[entry.id] or 0
    assert(count == 1 or changed and count == 0,
      ("world %d: %d came %d times"):format(seed, entry.id, count))
  end
end

describe("pages of a list", function()
  it("by offset: none comes twice, and all come or the list has changed", function()
    local unchanged = 0
    for seed = 1, WORLDS do
      local random = generator(seed)
      local list, moves = make_list(random), random(1, 3) == 1
      local function again(place, size)
        return offset_pages.new { given = {}, page_size = size, place = place,
          names = { items = "list", key = "id", from = "from", size = "size", total = "total" } }
      end
      local counts, changed = read(random, again(nil, random(1, 20)), function(query)
        if moves then
          shuffle(list, random)
        end
        return respond { list = slice(list, query.from, query.size), total = #list }
      end, again)
      check(seed, list, counts, changed)
      unchanged = unchanged + (changed and 0 or 1)
      assert(moves or not changed, seed)
    end
    assert.is_true(unchanged > WORLDS / 2)
  end)

  it("by number: all come once where the list stays, in a new loop, too", function()
    for seed = 1, WORLDS do
      local random = generator(seed)
      local list = make_list(random)
      local knows_last = random(1, 2) == 1
      local function again(place, size)
        return numbered_pages.new { given = {}, page_size = size, place = place,
          names = { items = "list", key = "id", page = "page", size = "size", last = "last",
            first = seed % 2 } }
      end
      local counts, changed = read(random, again(nil, random(1, 20)), function(query)
        local number = query.page - seed % 2
        return respond { list = slice(list, number * query.size, query.size),
          last = knows_last and math.ceil(#list / query.size) or nil }
      end, again)
      check(seed, list, counts)
      assert(not changed, seed)
    end
  end)

  it("by number: none comes twice where others are added and removed", function()
    for seed = 1, WORLDS do
      local random = generator(seed)
      local list = make_list(random)
      local pages = numbered_pages.new { given = {}, page_size = random(1, 20),
        names = { items = "list", key = "id", page = "page", size = "size" } }
      local counts = read(random, pages, function(query)
        if random(1, 2) == 1 and #list > 0 then
          table.remove(list, random(1, #list))
        elseif #list < 200 then
          table.insert(list, random(1, #list + 1), { id = 1000 + seed * 1000 + random(1, 100000) })
        end
        return respond { list = slice(list, (query.page - 1) * query.size, query.size) }
      end)
      for id, count in pairs(counts) do
        assert(count == 1, ("world %d: %d came %d times"):format(seed, id, count))
      end
    end
  end)
end)
