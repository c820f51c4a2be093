local api = require "spec.support.api"
local echo = require "spec.support.echo"
local faults = require "spec.support.faults"
local mic = require "mic"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

--- The options of one call that needs no login.
local function open(options)
  options.auth = false
  return options
end

local function answer(text)
  return ("send HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s"):format(#text, text)
end

--- Something of this size in which no two places look alike.
local function pattern(size)
  local parts, length = {}, 0
  for index = 1, size do
    parts[index] = ("%x,"):format(index * 7919)
    length = length + #parts[index]
    if length >= size then
      break
    end
  end
  return table.concat(parts):sub(1, size)
end

describe("files", function()
  local box = api.around()
  local client, folder

  before_each(function()
    client = box:client { retry = { base = 0.01, cap = 0.01 } }
    folder = scratch.folder()
  end)

  describe("save_to", function()
    local function download(options)
      options = open(options or {})
      options.save_to = options.save_to or folder:at "file"
      return client:get("/file", options)
    end

    it("writes the whole body, byte for byte, and keeps none of it", function()
      local body = ("\0\r\n\255"):rep(1000)
      box:answer { path = "/file", body_base64 = "AA0K/w==", ["repeat"] = 1000 }
      local response = mic.assert(download())
      assert.are.equal(200, response.status)
      assert.are.equal("", response.body)
      assert.is_nil(response.data)
      assert.are.equal(body, folder:read "file")
      assert.are.equal("file", folder:names())
    end)

    it("writes JSON as it came, also one that holds an error", function()
      local body = '{"errorMessage": "no"}'
      local headers = { ["Content-Type"] = "application/json" }
      box:answer { path = "/file", headers = headers, body = body }
      local response = mic.assert(download())
      assert.is_nil(response.data)
      assert.are.equal(body, folder:read "file")
    end)

    it("makes an empty file of an empty body and of a 204", function()
      box:answer { path = "/file", status = 200 }
      mic.assert(download())
      assert.are.equal("", folder:read "file")
      folder:write("file", "old")
      local server = faults.start "read\nsend HTTP/1.1 204 No Content\\r\\n\\r\\n\nagain"
      local other = mic.new { base_url = server.url, api_key = "k" }
      assert.are.equal(204, mic.assert(other:get("/x", open { save_to = folder:at "file" })).status)
      assert.are.equal("", folder:read "file")
      other:close()
      server.stop()
    end)

    it("replaces an older file", function()
      folder:write("file", ("older and longer"):rep(100))
      box:answer { path = "/file", body = "new" }
      mic.assert(download())
      assert.are.equal("new", folder:read "file")
    end)

    it("writes nothing of an error answer, and leaves an older file as it was", function()
      for _, status in ipairs { 302, 404, 500 } do
        box:answer { path = "/file", status = status, body = '{"message":"no"}' }
        local response, err = download { retry = false }
        assert.is_nil(response)
        assert.are.equal("http", err.kind)
        assert.are.equal(status, err.status)
        assert.are.equal('{"message":"no"}', err.response.body)
      end
      assert.are.equal("", folder:names())
      folder:write("file", "old")
      box:answer { path = "/file", status = 404, body = "no" }
      assert.is_nil((download()))
      assert.are.equal("old", folder:read "file")
    end)

    it("leaves an older file and nothing beside it when the connection is cut", function()
      folder:write("file", "old")
      for _, cut in ipairs { 0, 1, 50000 } do
        box:answer { path = "/file", body = "01234567", ["repeat"] = 10000, cut = cut }
        local response, err = download { retry = false }
        assert.is_nil(response)
        assert.are.equal("network", err.kind)
        assert.are.equal("file", folder:names())
        assert.are.equal("old", folder:read "file")
      end
    end)

    it("leaves nothing behind when the body stops coming", function()
      local head = "read\nsend HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\n"
      local server = faults.start(head .. "123\nhold")
      local other = mic.new { base_url = server.url, api_key = "k", retry = false }
      local response, err = other:get("/x", open { save_to = folder:at "file", deadline = 0.5 })
      assert.is_nil(response)
      assert.are.equal("timeout", err.kind)
      assert.are.equal("", folder:names())
      other:close()
      server.stop()
    end)

    it("leaves nothing behind of a chunked body without an end", function()
      local head = "send HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n"
      local server = faults.start("read\n" .. head .. "4\\r\\nabcd\\r\\n")
      local other = mic.new { base_url = server.url, api_key = "k", retry = false }
      local response, err = other:get("/x", open { save_to = folder:at "file" })
      assert.is_nil(response)
      assert.are.equal("network", err.kind)
      assert.are.equal("", folder:names())
      other:close()
      server.stop()
    end)

    it("starts anew when it is tried again", function()
      folder:write("file", "old")
      box:answer { path = "/file", status = 200, body = "first", ["repeat"] = 1000, cut = 3000 }
      box:answer { path = "/file", status = 503, body = "busy" }
      box:answer { path = "/file", status = 200, body = "second" }
      local response = mic.assert(download())
      assert.are.equal(3, response.attempts)
      assert.are.equal("second", folder:read "file")
      assert.are.equal("file", folder:names())
    end)

    it("is an error of kind file where the file cannot be", function()
      folder:write("plain", "")
      shell.check("mkdir " .. folder:at "folder")
      shell.check("ln -s folder " .. folder:at "way")
      local long = folder:at(("x"):rep(300))
      local deep = folder:at(("x/"):rep(3000) .. "x")
      local cases = {
        [folder:at "missing/file"] = "ENOENT",
        [folder:at "plain/file"] = "ENOTDIR",
        [folder:at "folder"] = "EISDIR",
        [folder:at "way"] = "EISDIR",
        [long] = "ENAMETOOLONG",
        [deep] = "ENAMETOOLONG",
      }
      for path, code in pairs(cases) do
        for _, body in ipairs { "content", "" } do
          box:answer { path = "/file", body = body, status = 200 }
          box:seen()
          local response, err = download { save_to = path }
          assert.is_nil(response)
          assert.are.equal("file", err.kind, path)
          assert.are.equal(code, err.code)
          assert.are.equal(0, err.attempts)
          assert.are.equal("", box:seen())
          assert.is_falsy(err.retryable)
          local start = ('save_to "%s'):format(path:sub(1, 150))
          assert.are.equal(start, err.message:sub(1, #start))
        end
      end
      assert.are.equal("folder plain way", folder:names())
      box:answer { path = "/file", body = "good" }
      mic.assert(download())
    end)

    it("is refused before there is a connection, for a login or a stack's name too", function()
      local path = folder:at "missing/file"
      for _, transport in ipairs { "blocking", "cqueues" } do
        for _, options in ipairs {
          { username = box.username, password = box.password },
          { base_url = "https://127.0.0.1:1/prod", username = "a", password = "b" },
          { stack = "no-such-stack.example", manifest_url = box.manifest_url },
        } do
          local events = {}
          options.transport = transport
          options.on_event = function(event)
            events[#events + 1] = event.type
          end
          local watched = options.stack and mic.new(options) or box:client(options)
          box:seen()
          local _, err = watched:get("/file", { save_to = path })
          watched:close()
          assert.are.equal("file", err.kind)
          assert.are.equal(('save_to "%s": no such file or folder'):format(path), err.message)
          assert.are.same({ "ENOENT", 0 }, { err.code, err.attempts })
          assert.are.equal("", box:seen())
          assert.is_nil(table.concat(events, " "):find "login")
        end
      end
    end)

    it("takes the place of a regular file alone: a pipe, and a link to a device, stay", function()
      shell.check(("cd %s && mkfifo pipe && ln -s /dev/null link"):format(folder.path))
      for name, kind in pairs { pipe = "fifo", link = "symbolic link" } do
        box:answer { path = "/file", body = "content" }
        local response, err = download { save_to = folder:at(name) }
        assert.is_nil(response)
        assert.are.equal("EINVAL", err.code)
        assert.is_truthy(err.message:find "it is not a regular file$", err.message)
        assert.are.equal(kind .. "\n", shell.check("stat -c %F " .. folder:at(name)))
      end
      assert.are.equal("link pipe", folder:names())
    end)

    it("names the file in its error, on one line and of bounded length", function()
      box:answer { path = "/file", body = "x", times = 2 }
      local _, err = download { save_to = folder:at 'no\n\27[31m "x"/file' }
      assert.are.equal(('save_to "%s": no such file or folder'):format(
        folder:at 'no [31m "x"/file'), err.message)
      local long = "no/" .. ("y"):rep(250)
      _, err = download { save_to = folder:at(long) }
      assert.are.equal(('save_to "%s...": no such file or folder'):format(
        folder:at(long):sub(1, 197)), err.message)
    end)

    it("names the file in the event, too", function()
      box:answer { path = "/file", body = "x" }
      local seen
      local watched = box:client {
        on_event = function(event)
          seen = event.err and event.err.message or seen
        end,
      }
      watched:get("/file", open { save_to = folder:at "no/file" })
      assert.are.equal(('save_to "%s": no such file or folder'):format(folder:at "no/file"), seen)
    end)

    it("takes every name that the file system takes", function()
      local name = ("n"):rep(255)
      box:answer { path = "/file", body = "long" }
      mic.assert(download { save_to = folder:at(name) })
      assert.are.equal("long", folder:read(name))
      assert.are.equal(name, folder:names())
    end)

    it("obeys the umask", function()
      for mask, mode in pairs { ["022"] = "644", ["077"] = "600", ["027"] = "640" } do
        box:answer { path = "/file", body = "x" }
        folder:lua(([[
          local client = require("mic").new { base_url = %q, api_key = "k", tls = { ca_file = %q } }
          require("mic").assert(client:get("/file", { auth = false, save_to = %q }))
        ]]):format(box.base_url, box.ca_file, folder:at("mode" .. mask)), "umask " .. mask .. ";")
        assert.are.equal(mode .. "\n", shell.check("stat -c %a " .. folder:at("mode" .. mask)))
      end
    end)

    it("replaces a symbolic link, not what it points to", function()
      folder:write("target", "kept")
      shell.check(("ln -s target %s"):format(folder:at "file"))
      box:answer { path = "/file", body = "new" }
      mic.assert(download())
      assert.are.equal("new", folder:read "file")
      assert.are.equal("kept", folder:read "target")
      assert.are.equal("regular file\n", shell.check("stat -c %F " .. folder:at "file"))
    end)

    it("may be larger than max_response_size; an error answer may not", function()
      local small = box:client { max_response_size = 1000, retry = false }
      box:answer { path = "/file", status = 200, body = "0123456789", ["repeat"] = 100000 }
      mic.assert(small:get("/file", open { save_to = folder:at "file" }))
      assert.are.equal(1000000, #folder:read "file")
      box:answer { path = "/file", status = 500, body = "0123456789", ["repeat"] = 101 }
      local response, err = small:get("/file", open { save_to = folder:at "other" })
      assert.is_nil(response)
      assert.are.equal("too_large", err.kind)
      assert.are.equal("file", folder:names())
      small:close()
    end)

    it("may have a limit of its own: then it is no larger, or absent", function()
      local limited = box:client { max_size = 1000, retry = false }
      local message = "too_large: the response is larger than max_size"
      for _, headers in ipairs { {}, { ["Content-Length"] = false } } do
        for _, case in ipairs { { limited, nil }, { client, 1000 } } do
          local options = open { save_to = folder:at "file", max_size = case[2] }
          box:answer { path = "/file", body = "0123456789", ["repeat"] = 100, headers = headers }
          mic.assert(case[1]:get("/file", options))
          assert.are.equal(1000, #folder:read "file")
          box:answer { path = "/file", body = "0123456789", ["repeat"] = 200, headers = headers }
          local response, err = case[1]:get("/file", options)
          assert.is_nil(response)
          assert.are.equal(message, api.line(err))
          assert.is_false(err.retryable)
          assert.are.equal(1000, #folder:read "file") -- the one of before
          assert.are.equal("file", folder:names())
          os.remove(folder:at "file")
        end
      end
      box:answer { path = "/file", body = "0123456789", ["repeat"] = 200 }
      mic.assert(limited:get("/file", open { save_to = folder:at "file", max_size = 2000 }))
      assert.are.equal(2000, #folder:read "file")
      limited:close()
    end)

    it("is measured against its limit when it is unpacked", function()
      local zeros = shell.check "head -c 1000000 /dev/zero | gzip -9 | base64 -w 0"
      local headers = { ["Content-Encoding"] = "gzip" }
      for _, limit in ipairs { 1000000, 999999 } do
        box:answer { path = "/file", headers = headers, body_base64 = zeros }
        local response, err = download { max_size = limit }
        if limit == 1000000 then
          assert.are.equal(1000000, #folder:read "file")
          os.remove(folder:at "file")
        else
          assert.is_nil(response)
          assert.are.equal("too_large", err.kind)
          assert.are.equal("", folder:names())
        end
      end
    end)

    it("has a limit by misuse only without a file", function()
      assert.has_error(function()
        client:get("/file", { max_size = 1 })
      end, 'option "max_size" requires save_to')
    end)

    it("comes from another origin without compression, unless the caller wants it", function()
      local server = echo.start()
      local function sent(options)
        options.save_to = folder:at "file"
        mic.assert(client:fetch(server.base_url .. "/x", options))
        return echo.parse(folder:read "file").headers["Accept-Encoding"]
      end
      assert.are.equal("identity", sent {})
      assert.are.equal("gzip", sent { headers = { ["Accept-Encoding"] = "gzip" } })
      local own = mic.new { base_url = server.base_url, api_key = "k" }
      mic.assert(own:fetch(server.base_url .. "/x", { auth = false, save_to = folder:at "file" }))
      assert.is_truthy(echo.parse(folder:read "file").headers["Accept-Encoding"]:find "gzip")
      own:close()
      server:stop()
    end)

    it("unpacks what was compressed on the way", function()
      local packed = shell.check "printf %s unpacked | gzip -9 | base64 -w 0"
      local headers = { ["Content-Encoding"] = "gzip" }
      box:answer { path = "/file", headers = headers, body_base64 = packed }
      mic.assert(download())
      assert.are.equal("unpacked", folder:read "file")
    end)

    it("follows a redirect to the file", function()
      box:answer { path = "/file", status = 302, headers = { Location = "/prod/there" } }
      box:answer { path = "/there", body = "found" }
      mic.assert(download())
      assert.are.equal("found", folder:read "file")
    end)
  end)

  describe("body_file", function()
    local function upload(text, options)
      options = open(options or {})
      options.body_file = folder:write("upload", text)
      return client:post("/file", nil, options)
    end

    it("takes regular files alone: a named pipe would wait for its writer", function()
    local path = folder:at "pipe"
    shell.check("mkfifo " .. path)
    local response, err = client:put("/x", nil, { auth = false, body_file = path })
    assert.is_nil(response)
    assert.are.same({ "file", "EINVAL", 0 }, { err.kind, err.code, err.attempts })
  end)

  it("sends nothing when the file is not there", function()
      for name, code in pairs { missing = "ENOENT", ["."] = "EISDIR" } do
        local response, err = client:post("/file", nil, open { body_file = folder:at(name) })
        assert.is_nil(response)
        assert.are.equal("file", err.kind)
        assert.are.equal(code, err.code)
        assert.are.equal(0, err.attempts)
        local reason = code == "ENOENT" and "no such file or folder" or "it is a folder"
        assert.are.equal(('body_file "%s": %s'):format(folder:at(name), reason), err.message)
      end
      assert.are.equal("", box:seen())
    end)

    it("sends the bytes as they are, with their length, no type", function()
      local bytes = {}
      for byte = 32, 126 do
        bytes[#bytes + 1] = string.char(byte)
      end
      local text = table.concat(bytes, "\r\n")
      box:answer { path = "/file", status = 201 }
      assert.are.equal(201, mic.assert(upload(text)).status)
      local entry = box:log()[1]
      assert.are.equal("POST", entry.method)
      assert.are.equal(text, entry.body)
      local names = "," .. table.concat(entry.headers, ","):lower() .. ","
      assert.is_truthy(names:find ",content%-length,")
      assert.is_nil(names:find ",content%-type,")
      assert.is_nil(names:find ",transfer%-encoding,")
      assert.is_nil(names:find ",expect,")
    end)

    it("sends an empty file, with any method, with headers of one's own", function()
      for _, method in ipairs { "POST", "PUT", "PATCH", "DELETE" } do
        box:answer { path = "/file", status = 200 }
        mic.assert(client:request(open {
          method = method,
          path = "/file",
          body_file = folder:write("upload", ""),
          headers = { ["Content-Type"] = "text/csv" },
        }))
        box:answer { path = "/file", status = 200 }
        mic.assert(client:request(open {
          method = method,
          path = "/file",
          body_file = folder:write("upload", method),
        }))
      end
      local seen = {}
      for index, entry in ipairs(box:log()) do
        seen[index] = ("%s %d %s"):format(entry.method, entry.body_size, entry.body or "")
      end
      assert.are.same({
        "POST 0 ", "POST 4 POST", "PUT 0 ", "PUT 3 PUT",
        "PATCH 0 ", "PATCH 5 PATCH", "DELETE 0 ", "DELETE 6 DELETE",
      }, seen)
    end)

    it("sends a file of some megabytes", function()
      local text = pattern(5000000)
      box:answer { path = "/file", status = 200, times = 2 }
      mic.assert(upload(text))
      local plain = box:client { http_version = "1.1" }
      mic.assert(plain:put("/file", nil, open { body_file = folder:at "upload" }))
      plain:close()
      assert.are.equal(#text, box:log()[1].body_size)
      assert.are.equal(#text, box:log()[2].body_size)
    end)

    it("sends the whole again when it is tried again", function()
      box:answer { path = "/file", status = 503 }
      box:answer { path = "/file", status = 200 }
      local response = mic.assert(upload("the whole", { idempotent = true }))
      assert.are.equal(2, response.attempts)
      assert.are.equal("the whole", box:log()[1].body)
      assert.are.equal("the whole", box:log()[2].body)
    end)

    it("sends the whole again when the server closed a kept connection", function()
      local kept = "read\n" .. answer "{}"
      local server = faults.start(kept, kept)
      local other = mic.new { base_url = server.url, api_key = "k", retry = false }
      mic.assert(other:get("/x", open {}))
      mic.assert(other:put("/x", nil, open { body_file = folder:write("upload", pattern(9000)) }))
      assert.are.equal("GET /prod/x HTTP/1.1 PUT /prod/x HTTP/1.1",
        table.concat(server.requests(), " "))
      other:close()
      server.stop()
    end)

    --- Puts 8 MB while the file is changed by a shell command, then makes one more call.
    local function change_while_sent(command)
      local plain = box:client { http_version = "1.1", retry = false }
      local path = folder:write("upload", pattern(8000000))
      local changed = false
      box:answer { path = "/file", method = "PUT", status = 200 }
      local response, err = plain:put("/file", nil, open {
        body_file = path,
        timeout = 10,
        progress = function()
          if not changed then
            changed = true
            shell.check(command .. " " .. path)
          end
        end,
      })
      box:answer { path = "/after", status = 200 }
      mic.assert(plain:get("/after", open {}))
      plain:close()
      assert.is_true(changed)
      return response, err
    end

    it("is an error when the file becomes shorter meanwhile", function()
      local response, err = change_while_sent "truncate -s 1000"
      assert.is_nil(response)
      assert.are.equal("file", err.kind)
    end)

    it("sends no more than was announced when the file becomes longer meanwhile", function()
      local response, err = change_while_sent "truncate -s 9000000"
      assert.are.equal(200, mic.assert(response, err).status)
      local log = box:log()
      assert.are.equal(2, #log)
      assert.are.equal(8000000, log[1].body_size)
    end)
  end)
end)
