-- Calls that suspend only the coroutine that makes them, under cqueues, which is found by itself.
--
--   make sandbox RUN="lua examples/cqueues.lua"

local cqueues = require "cqueues"
local mic = require "mic"

local client = mic.assert(mic.from_env())
local loop = cqueues.new()
local running = 0

--- One user, in a task of its own.
local function show(name)
  running = running + 1
  loop:wrap(function()
    local user, err = client:get("/users/{userName}", { params = { userName = name } })
    print(("%-7s %s"):format(name, user and user.data.email or err.key))
    running = running - 1
  end)
end

loop:wrap(function()
  show "anna"
  cqueues.sleep(0.2)
  show "nobody"
end)

-- Something else goes on meanwhile.
local others = 0
loop:wrap(function()
  repeat
    others = others + 1
    cqueues.sleep(0.001)
  until others > 1 and running == 0 and others > 50
end)

assert(loop:loop())
print("something else ran meanwhile: " .. (others > 50 and "yes" or "no"))
