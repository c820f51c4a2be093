local api = require "spec.support.api"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

--- KiB: allows for garbage, and is well below 64 MB, the size of the whole body.
local ALLOWED = 32 * 1024

describe("memory", function()
  local box, folder = api.start(), scratch.folder()

  --- The largest size of a process that gets so many megabytes, in KiB.
  local function peak(megabytes, options)
    box:answer { path = "/big", body = ("x"):rep(1024), ["repeat"] = megabytes * 1024 }
    return tonumber(folder:lua(([[
      local client = require("mic").new { base_url = %q, api_key = "k", tls = { ca_file = %q } }
      local total = 0
      local function on_data(chunk)
        total = total + #chunk
      end
      local options = %s
      options.auth = false
      require("mic").assert(client:get("/big", options))
      assert(total == %d or options.save_to)
      for line in io.lines "/proc/self/status" do
        local size = line:match "^VmHWM:%%s*(%%d+) kB"
        if size then
          print(size)
        end
      end
    ]]):format(box.base_url, box.ca_file, options, megabytes * 1048576)))
  end

  it("does not grow with a file", function()
    local options = ("{ save_to = %q }"):format(folder:at "big")
    local small, large = peak(1, options), peak(64, options)
    assert.are.equal("67108864\n", shell.check("stat -c %s " .. folder:at "big"))
    assert.is_true(large < small + ALLOWED, ("%d KiB against %d KiB"):format(large, small))
  end)

  it("does not grow with a stream", function()
    local small, large = peak(1, "{ on_data = on_data }"), peak(64, "{ on_data = on_data }")
    assert.is_true(large < small + ALLOWED, ("%d KiB against %d KiB"):format(large, small))
  end)

  it("does not grow with a loop over pages", function()
    local function peak_of_loop(count)
      box:mode { observations = count }
      return tonumber(box:run(([[
        local client = require("mic").from_env()
        local it, number, held = client.observations:each { page_size = 500 }, 0, 0
        while true do
          local item, err = it:next()
          if not item then
            assert(not err, tostring(err))
            break
          end
          number = number + 1
          if number %% 1250 == 0 then
            collectgarbage()
            held = math.max(held, collectgarbage "count")
          end
        end
        assert(number == %d, number)
        print(math.floor(held))
      ]]):format(count)))
    end
    local small, large = peak_of_loop(5000), peak_of_loop(50000)
    assert.is_true(large < small * 1.25, ("%d KiB against %d KiB"):format(large, small))
  end)
end)
