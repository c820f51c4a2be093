-- Downloads a file and prints the progress. The file is complete, or it is not written: after a
-- failure an older file is unchanged.
--
--   make sandbox RUN="lua examples/download.lua"
--   lua examples/download.lua /files/report.csv report.csv       with an account

local mic = require "mic"

local client = mic.assert(mic.from_env())

-- Without arguments: a file of the sandbox.
local path, target = arg[1] or "/files/report", arg[2] or os.tmpname()

-- Called between two reads, with byte counts; `total` is nil if the server does not send it.
-- Returning false ends the call with an error of kind `cancelled`.
local quarter = 0
local function show(now, total)
  while total and quarter < 4 and now >= total * (quarter + 1) / 4 do
    quarter = quarter + 1
    print(("%3d %%"):format(25 * quarter))
  end
end

-- `timeout` is the longest time without progress. The time of the whole download has no limit.
local res = mic.assert(client:get(path, { save_to = target, progress = show }))

local file = assert(io.open(target, "rb"))
print(("status %d, %d bytes in the file"):format(res.status, file:seek "end"))
file:close()

-- A failure of the file system is an error of kind `file`.
local _, err = client:get("/user", { save_to = "/no/such/folder/report" })
print(err.kind, err.code)

if not arg[2] then
  os.remove(target)
end
