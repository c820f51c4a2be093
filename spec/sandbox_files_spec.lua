-- The sandbox's files, up and down, by the client.

local api = require "spec.support.api"
local mic = require "mic"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local LARGEST = 10485760 -- bytes; the gateway takes no more

describe("the sandbox's files", function()
  local box = api.around()
  local client, folder

  before_each(function()
    client = box:logged_in()
    folder = scratch.folder()
  end)

  local function list(query)
    local response, err = client:get("/files", { query = query })
    assert(response, tostring(err))
    return response.data
  end

  --- The keys of a list, one a line.
  local function keys(query)
    local found = {}
    for index, file in ipairs(list(query).files) do
      found[index] = file.Key
    end
    return table.concat(found, "\n")
  end

  local function upload(key, options)
    options.params = { key = key }
    return client:put("/files/{key}", nil, options)
  end

  local function download(key, options)
    options = options or {}
    options.params = { key = key }
    return client:get("/files/{key}", options)
  end

  local function refused(status, key, property, response, err)
    assert.is_nil(response)
    assert.same({ status, key, property }, { err.status, err.key, err.property })
  end

  describe("list", function()
    it("has the form of S3's", function()
      local response = assert(client:get("/files", { query = { root = true, prefix = "back" } }))
      assert.equal('{"files":[{"Key":"backup.json","LastModified":"2020-11-24T12:00:00.000Z",'
        .. '"ETag":"\\"004f670341cc48e8255579cb823287f2\\"","Size":14,'
        .. '"StorageClass":"STANDARD"}],"isTruncated":false,"keyCount":1,"maxKeys":1000,'
        .. '"encodingType":"url","prefix":"back"}', response.body)
    end)

    it("shows those of each of the five ways of asking", function()
      assert.equal("backup.json\nreport", keys { root = true })
      assert.equal("things/00001570/manual.txt\nthings/00001570/photo.svg",
        keys { thingName = "00001570" })
      assert.equal("thingtypes/191/datasheet.txt\nthingtypes/191/icon.svg",
        keys { thingType = "191" })
      local public = list { public = true }
      assert.equal(31, public.keyCount)
      local all = list { listAll = true }
      assert.equal(7, all.keyCount)
      assert.is_nil(keys({ listAll = true }):find("public/", 1, true))
      assert.equal("", keys { thingName = "nope" })
    end)

    it("takes one of the five and no two, and none of them but true", function()
      for _, query in ipairs { {}, { root = true, public = true }, { root = false },
        { listAll = true, thingName = "00001570" } } do
        refused(400, "INVALID_ARGUMENTS", "listAll", client:get("/files", { query = query }))
      end
    end)

    it("encodes keys but for their slashes", function()
      local found = keys { public = true, prefix = "public/m" }
      assert.equal("public/m%C3%A5leplan%202020.csv", found)
      assert.equal("day;place\n1;Oslo\n", download("public/m\195\165leplan 2020.csv").body)
    end)

    it("goes on with a token that a query must encode, each file once", function()
      local seen, pages, token = {}, 0, nil
      repeat
        local page = list { public = true, maxKeys = 10, continuationToken = token }
        pages = pages + 1
        assert.equal(#page.files, page.keyCount)
        assert.equal(10, page.maxKeys)
        assert.equal(token, page.continuationToken)
        for _, file in ipairs(page.files) do
          assert.is_nil(seen[file.Key])
          seen[file.Key] = true
        end
        token = page.nextContinuationToken
        assert.equal(token ~= nil, page.isTruncated)
        assert.is_truthy(not token or token:find "^%+/")
      until not token
      assert.equal(4, pages)
    end)

    it("ends with a page that is just full", function()
      local page = list { root = true, maxKeys = 2 }
      assert.same({ 2, false, nil },
        { page.keyCount, page.isTruncated, page.nextContinuationToken })
    end)

    it("refuses a wrong size or token", function()
      for name, value in pairs { maxKeys = 0, continuationToken = "x" } do
        refused(400, "INVALID_ARGUMENTS", name, client:get("/files", {
          query = { root = true, [name] = value },
        }))
      end
    end)
  end)

  describe("down", function()
    it("come as they are, with type, length and ETag", function()
      local response = assert(download "things/00001570/manual.txt")
      assert.equal("Mount it on the roof.\n", response.body)
      assert.equal("text/plain", response.headers["content-type"])
      assert.equal("22", response.headers["content-length"])
      assert.equal('"60225022ee09ec4ee08a6a0b759f573c"', response.headers.etag)
    end)

    it("go to a file of ours, with progress", function()
      local last, all
      local response = assert(download("report", {
        save_to = folder:at "report", progress = function(now, total) last, all = now, total end,
      }))
      assert.same({ 200, 0 }, { response.status, #response.body })
      assert.same({ 4194304, 4194304 }, { last, all })
      assert.is_true(folder:read "report" == ("0123456789abcdef"):rep(262144))
      assert.equal("report", folder:names())
    end)

    it("and not there leave no file of ours", function()
      local _, err = download("nope", { save_to = folder:at "nope" })
      assert.same({ 404, "FILE_NOT_FOUND", "key" }, { err.status, err.key, err.property })
      assert.equal("", folder:names())
    end)
  end)

  describe("up", function()
    it("come back byte for byte, as bytes of no known type", function()
      local bytes = ("\0\1\r\n\254\255"):rep(50000)
      local path = folder:write("bytes", bytes)
      local made = assert(upload("things/00001571/bytes", { body_file = path })).data
      assert.same({ "things/00001571/bytes", 300000 }, { made.Key, made.Size })
      assert(download("things/00001571/bytes", { save_to = folder:at "copy" }))
      assert.is_true(folder:read "copy" == bytes)
      assert.equal("application/octet-stream",
        download("things/00001571/bytes").headers["content-type"])
      assert.equal("things/00001571/bytes\nthings/00001571/manual.txt",
        keys { thingName = "00001571" })
    end)

    it("keep the type that they are sent with, and any key", function()
      for _, key in ipairs { "a b/c", "100%", "\195\165", "what?is=this&that", ".x/..y" } do
        assert(upload(key, { body = key, headers = { ["Content-Type"] = "text/odd" } }))
        local response = assert(download(key))
        assert.same({ key, "text/odd" }, { response.body, response.headers["content-type"] })
      end
      refused(400, "INVALID_ARGUMENTS", "key", upload("a\nb", { body = "" }))
    end)

    it("replace one of the same name, also one of the start, and may be empty", function()
      assert(upload("report", { body = "one" }))
      assert.equal("one", download("report").body)
      local made = assert(upload("report", { body = "" })).data
      assert.equal(0, made.Size)
      assert.equal("", download("report").body)
    end)

    it("are no JSON, and not in the log", function()
      assert(upload("x", { body = "{ secret \255" }))
      local log = box:log()
      assert.equal(10, log[#log].body_size)
      assert.is_nil(log[#log].body)
    end)

    it("end at ten megabytes", function()
      local path = folder:write("large", ("x"):rep(LARGEST))
      assert.equal(LARGEST, assert(upload("large", { body_file = path })).data.Size)
      folder:write("large", ("x"):rep(LARGEST + 1))
      local _, err = upload("larger", { body_file = path })
      assert.equal(413, err.status)
      assert.equal("HTTP content length exceeded 10485760 bytes.", err.response.body)
    end)
  end)

  it("are deleted without content", function()
    local function delete(key)
      return client:delete("/files/{key}", { params = { key = key } })
    end
    assert(upload("mine", { body = "x" }))
    for _, key in ipairs { "mine", "report" } do
      local response = assert(delete(key))
      assert.same({ 204, "" }, { response.status, response.body })
      refused(404, "FILE_NOT_FOUND", "key", download(key))
      refused(404, "FILE_NOT_FOUND", "key", delete(key))
    end
  end)

  it("are changed by those only who may write", function()
    local reader = box:client()
    assert(reader:login("per@example.com", box.password))
    local params = { params = { key = "report" } }
    for operation, method in pairs { CREATE = "PUT", DELETE = "DELETE" } do
      local _, err = reader:request { method = method, path = "/files/report" }
      assert.equal("NOT_AUTHORIZED", err.key)
      assert.same({ operation = operation, objectType = "Files" }, err.message_params)
    end
    assert.equal(4194304, #reader:get("/files/{key}", params).body)
    reader:close()
  end)

  it("are those of the start again after a reset, on disk too", function()
    local home = box.ca_file:match "^(.*)/"
    local function uploads()
      return shell.check("ls " .. shell.quote(home) .. " | grep -c ^upload || true")
    end
    assert(upload("mine", { body = "x" }))
    assert(upload("mine", { body = "y" }))
    assert(upload("report", { body = "x" }))
    assert.equal("2\n", uploads())
    box:reset()
    assert.equal("0\n", uploads())
    client:login(box.username, box.password)
    assert.equal("backup.json\nreport", keys { root = true })
    assert.equal(4194304, #download("report").body)
  end)

  it("stop when their reader does", function()
    local seen = 0
    local _, err = download("report", { on_data = function(chunk)
      seen = seen + #chunk
      return seen < 1000
    end })
    assert.equal("cancelled", err.kind)
    assert.equal(200, mic.assert(download "backup.json").status)
  end)
end)
