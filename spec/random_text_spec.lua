-- What a user types and what a server sends, at random: no error is raised, all ends, and what is
-- taken for JSON is JSON.

local fields = require "mic.command.fields"
local items = require "mic.command.items"
local json = require "mic.json"
local json_text = require "mic.command.json_text"
local json_value = require "mic.command.json_value"
local mark = require "mic.command.mark"
local pretty_text = require "mic.command.pretty_text"
local query = require "mic.command.query"
local visible = require "mic.command.visible"

local ROUNDS = tonumber(os.getenv "ROUNDS") or 4000
local STEPS = 5e6 -- instructions of Lua for one text

--- Numbers from 1 to `most`, the same on every Lua.
local function numbers(seed)
  return function(most)
    seed = (seed * 69069 + 12345) % 2147483648
    return math.floor(seed / 65536) % most + 1
  end
end

local documents = {
  '{"hits":{"total":2,"hits":[{"_id":"1","v":[1.5e-3,-0,true]},{"_id":"\\u00e9\\n","v":null}]}}',
  '[[],{},"",[{"a":{"b":[{"c":"\\ud83d\\ude00"}]}}],1E400,0.10,"é😀",false]', '"\\"\\\\\\/"',
  "-12.5e+7",
  ' [ 1 ,\r\n\t{ "x" : [ ] } ] ',
}
local expressions = {
  '[.hits.hits[]?|{_id,"v":.v[0]}|select(.v == 1.5 and (._id|length) > 0)]|@tsv',
  '.a["b c"][-1]?."d",keys',
  "{a:(1,2),b:[.[]|not]}|first",
}
local typed = { "a[b][]=1", "a[][b]=x", "a={\"b\":[1,{}]}", "a[]", "a=@", "a=[1,2.50,\"x\"]" }

local bytes = { "\0", "\27", "\127", "\128", "\155", "\194", "\226\128\174", "\255", "\n" }

--- One of the texts with some of its bytes changed, taken out or doubled; or bytes alone.
local function damaged(random, texts)
  local text = texts[random(#texts)]
  for _ = 1, random(4) - 1 do
    local at, kind = random(#text + 1), random(5)
    if kind == 1 then
      text = text:sub(1, at - 1) .. text:sub(at + 1)
    elseif kind == 2 then
      text = text:sub(1, at - 1) .. bytes[random(#bytes)] .. text:sub(at)
    elseif kind == 3 then
      text = text:sub(1, at - 1)
    elseif kind == 4 then
      local other = random(#text + 1)
      text = text:sub(1, at) .. text:sub(other, other + random(8)) .. text:sub(at + 1)
    else
      text = text:sub(1, at - 1) .. ('{}[],:"\\01.e-tnu|?()='):sub(at % 21 + 1,
      at % 21 + 1) .. text:sub(at)
    end
  end
  return text
end

--- Calls a function with a limit to its time.
local function bounded(task, ...)
  debug.sethook(function()
    debug.sethook()
    error("this does not end", 0)
  end, "", STEPS)
  local results = { pcall(task, ...) }
  debug.sethook()
  assert.is_true(results[1], tostring(results[2]) .. " for " .. tostring((...)))
  return (table.unpack or unpack)(results, 2, 4) -- luacheck: ignore
end

local function check_json(text)
  local ok, message = bounded(json_text.walk_whole, text, nil, 128)
  local shown = bounded(pretty_text.pretty, text, true)
  assert.is_nil(shown:gsub("\27%[[%d;]*m", ""):find "[%z\1-\8\11-\31\127]")
  bounded(items.of_list, text, "hits.hits")
  bounded(items.member, text, "hits")
  local value = bounded(json_value.read, text)
  if not ok then
    assert.is_string(message)
    assert.is_nil(value)
    return
  end
  if not text:find "\\u[dD][89a-fA-F]" then -- halves of characters
    assert.is_not_nil(json.decode(text), text)
  end
  local compact = json_text.compact(text)
  local plain = pretty_text.pretty(text)
  if visible.text(compact) == compact then
    assert.equal(compact, json_text.compact(plain))
  end
  if value ~= nil then
    local written = json_value.write(value)
    assert.equal(written, json_value.write(json_value.read(written)))
    assert.equal(0, json_value.compare(value, json_value.read(written)))
  end
end

describe("a text at random", function()
  it("as JSON", function()
    local random = numbers(1)
    for _ = 1, ROUNDS do
      check_json(damaged(random, documents))
    end
  end)

  it("as an expression of -q, over documents", function()
    local random = numbers(2)
    local taken = 0
    for _ = 1, ROUNDS do
      local text = damaged(random, expressions)
      local program, err = bounded(query.compile, text)
      if program then
        taken = taken + 1
        for _, document in ipairs(documents) do
          local lines, problem = bounded(program.run, program, document)
          assert.is_truthy(lines or type(problem.message) == "string")
        end
      else
        assert.is_true(err.column >= 1 and err.column <= #text + 1)
        assert.equal(mark.lines(text, err.column), err.mark)
      end
    end
    assert.is_true(taken > ROUNDS / 20)
  end)

  it("as a field", function()
    local random = numbers(3)
    local taken = 0
    for _ = 1, ROUNDS do
      local list = {}
      for index = 1, random(3) do
        list[index] = { text = damaged(random, typed), typed = random(2) == 1 }
        if list[index].text:find "@" then
          list[index].typed = false
        end
      end
      local read, err = bounded(function() return fields.read(list) end)
      if read then
        taken = taken + 1
        assert.is_not_nil(json.decode(read:body()), read:body())
        bounded(read.query, read)
      else
        assert.equal("usage", err.kind)
      end
    end
    assert.is_true(taken > ROUNDS / 20)
  end)
end)
