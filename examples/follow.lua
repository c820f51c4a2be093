-- Follows observations: each run reads the observations since the previous run, and writes its
-- position to a file. Run it from cron, for example.
--
--   make sandbox RUN="lua examples/follow.lua /tmp/position"

local mic = require "mic"

local client = mic.assert(mic.from_env())
local path = arg[1] or os.tmpname()

local function read_position()
  local file = io.open(path)
  local text = file and file:read "*l"
  if file then
    file:close()
  end
  return text ~= "" and text or nil
end

local function write_position(text)
  local file = assert(io.open(path .. ".new", "w"))
  assert(file:write(text, "\n"))
  assert(file:close())
  assert(os.rename(path .. ".new", path)) -- the file has the new position or the old one
end

local function run()
  -- Without a position, begin with the last hour.
  local it = client.observations:each { since = -3600, after = read_position() }
  local count = 0
  while true do
    local report, err = it:next()
    if not report then
      if err then
        print(err) -- the next run continues after the last one that was read
      end
      break
    end
    count = count + 1
  end
  if it:position() then
    write_position(it:position())
  end
  return count
end

print("first run", run())
print("second run", run())

if not arg[1] then
  os.remove(path)
end
