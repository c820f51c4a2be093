-- Calls in cqueues: each call suspends only its coroutine. cqueues is detected automatically.
--
--   make sandbox RUN="lua examples/cqueues.lua"

local cqueues = require "cqueues"
local mic = require "mic"

local client = mic.assert(mic.from_env())
local loop = cqueues.new()
local running = 0

--- Reads one user in its own task.
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

-- Another task runs meanwhile.
local others = 0
loop:wrap(function()
  repeat
    others = others + 1
    cqueues.sleep(0.001)
  until others > 1 and running == 0 and others > 50
end)

assert(loop:loop())
print("something else ran meanwhile: " .. (others > 50 and "yes" or "no"))
