-- The file store: paths, permissions, trust, and the messages of its errors.

local clock = require "spec.support.clock"
local mic = require "mic"
local puppet = require "spec.support.puppet"
local records = require "spec.support.records"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local quote, run = shell.quote, shell.check

local record =
  records.numbered { token = "t0ken-that-rests", identity = "identity", refresh_token = "r3fresh" }

local function stat(path)
  return (run("stat -c '%a %F' " .. quote(path)):gsub("\n", ""))
end

--- Kind, code and message of a failure.
local function line(err)
  return err and ("%s %s: %s"):format(err.kind, tostring(err.code), err.message)
end

describe("the file store", function()
  local folder, path, file, store

  before_each(function()
    folder = scratch.folder()
    path = folder:at "new/folders/credentials"
    file = path .. ".key"
    store = mic.store.file { path = path }
  end)

  local function number_in(which)
    local loaded, err = (which or store).load "key"
    assert.is_nil(err)
    return loaded and loaded:retry_at()
  end

  --- Writes bytes as the record's file, with the permissions it must have.
  local function plant(bytes)
    run("mkdir -p " .. quote(folder:at "new/folders"))
    local planted = assert(io.open(file, "wb"))
    planted:write(bytes)
    planted:close()
    run("chmod 600 " .. quote(file))
  end

  local function content(name)
    return folder:read("new/folders/credentials." .. name)
  end

  local function names()
    return (run("ls -A " .. quote(folder:at "new/folders")):gsub("\n", " "):gsub(" $", ""))
  end

  --- Expects this failure of every function.
  local function expect_refused(expected)
    for name, argument in pairs { load = false, lock = 45, save = record(9) } do
      local value, err = store[name]("key", argument or nil)
      assert.is_nil(value, name)
      assert.equal(expected, line(err))
    end
  end

  describe("in a place of its own", function()
    it("touches nothing until it is used, and nothing by loading", function()
      assert.is_nil(store.load "key")
      assert.is_true(store.save("key", nil))
      assert.equal("", folder:names())
    end)

    it("keeps a record over the life of the store", function()
      assert.is_true(store.save("key", record(1)))
      assert.equal(1, number_in())
      assert.equal(record(1):bytes(), content "key")
      assert.equal(1, number_in(mic.store.file { path = path }))
      assert.equal("credentials.key credentials.key~lock", names())
    end)

    it("takes a record's bytes as well", function()
      assert.is_true(store.save("key", record(3):bytes()))
      assert.equal(3, number_in())
      local saved, err = store.save("key", "no record")
      assert.is_nil(saved)
      assert.equal("store nil: the saved credentials are damaged", line(err))
      assert.equal(3, number_in())
    end)

    for _, umask in ipairs { "0000", "0022", "0077", "0277", "0777" } do
      it("is private under umask " .. umask, function()
        local printed = puppet.lua(folder, ([[
          tell "umask:%s"
          local token = store.lock(KEY, 45)
          print(token, store.save(KEY, record(1)))
          print(number(), store.unlock(KEY, token))
        ]]):format(umask))
        assert.equal("1\ttrue\n1.0\ttrue\n", (printed:gsub("\n1\t", "\n1.0\t")))
        local base = folder:at "store"
        assert.equal("700 directory", stat(base))
        assert.equal("600 regular file", stat(base .. "/credentials.key"))
        assert.equal("600 regular empty file", stat(base .. "/credentials.key~lock"))
      end)
    end

    it("changes the mode of the folder that it has made, whatever takes its place", function()
      for _, call in ipairs { "chmod", "fchmod" } do
        puppet.lua(folder, ([[
          os.execute("mkdir -p -m 755 " .. FOLDER .. "/victim")
          tell("hook:cd " .. FOLDER .. " && rmdir store && ln -s victim store")
          tell "umask:0277"
          tell "fail:%s:1:hook"
          store.save(KEY, record(1))
        ]]):format(call))
        assert.equal("755 directory", stat(folder:at "victim"))
        run("rm -rf " .. quote(folder:at "store") .. " " .. quote(folder:at "victim"))
      end
    end)

    it("makes all the folders that are missing, for its user alone", function()
      assert.is_true(store.save("key", record(1)))
      assert.equal("700 directory", stat(folder:at "new"))
      assert.equal("700 directory", stat(folder:at "new/folders"))
    end)

    it("leaves a folder that is there as it is", function()
      run("mkdir -p -m 755 " .. quote(folder:at "new/folders"))
      assert.is_true(store.save("key", record(1)))
      assert.equal("755 directory", stat(folder:at "new/folders"))
    end)

    it("names its files by the key, so that no two keys meet, and by no secret", function()
      local keys = { "https://api.example/prod anna", "https://api.example/prod Anna",
        "https://api.example/prod%20anna", "a~lock", "a", "", "\0\255", "../x", "." }
      for number, key in ipairs(keys) do
        assert.is_true(store.save(key, record(number)))
      end
      for number, key in ipairs(keys) do
        assert.equal(number, store.load(key):retry_at())
      end
      local all = names()
      assert.is_truthy(all:find("credentials.https%3a%2f%2fapi.example%2fprod%20anna ", 1, true))
      assert.is_truthy(all:find("credentials.a%7elock ", 1, true))
      assert.is_nil(all:find("t0ken", 1, true))
      assert.equal("new", folder:names())
    end)

    it("clears all that may hold a secret, and leaves the lock", function()
      store.save("key", record(1))
      plant "damaged t0ken"
      assert.is_nil(store.load "key")
      store.save("key", record(2))
      folder:write("new/folders/credentials.key~new", "t0ken, half wri")
      store.save("other", record(3))
      assert.is_true(store.save("key", nil))
      assert.is_nil(store.load "key")
      assert.equal("credentials.key~lock credentials.other credentials.other~lock", names())
    end)

    it("replaces a partial record of a killed process", function()
      run("mkdir -p " .. quote(folder:at "new/folders"))
      folder:write("new/folders/credentials.key~new", "half of a rec")
      assert.is_true(store.save("key", record(1)))
      assert.equal("credentials.key credentials.key~lock", names())
      assert.equal(1, number_in())
    end)

    it("leaves no descriptor open but that of a lock, and none to a program that it starts",
      function()
        local printed = puppet.lua(folder, [[
          io.stdout:setvbuf "no"
          collectgarbage()
          local before = tell "descriptors"
          local token = store.lock(KEY, 45)
          for n = 1, 20 do
            assert(store.save(KEY, record(n)))
            assert(store.load(KEY))
            assert(store.lock(KEY, 45) == false)
          end
          collectgarbage()
          print(tell "descriptors" - before)
          os.execute "ls -l /proc/$$/fd | grep -c lock || true"
          store.unlock(KEY, token)
          print(tell "descriptors" - before)
        ]])
        assert.equal("1\n0\n0\n", printed)
      end)

    it("gives a lock back with the store", function()
      assert.is_truthy(store.lock("key", 45))
      local other = mic.store.file { path = path }
      assert.is_false(other.lock("key", 45))
      store = nil
      collectgarbage()
      collectgarbage()
      assert.is_truthy(other.lock("key", 45))
    end)

    it("does not save while another holder has the lock", function()
      local other = mic.store.file { path = path }
      store.save("key", record(1))
      local token = store.lock("key", 45)
      for _, wanted in ipairs { record(2), false } do
        local saved, err = other.save("key", wanted or nil)
        assert.is_nil(saved)
        assert.equal("store EAGAIN: another client has the lock; try again later: " .. file
          .. "~lock", line(err))
      end
      assert.equal(1, number_in(other))
      assert.is_true(store.save("key", record(3)))
      store.unlock("key", token)
      assert.is_true(other.save("key", record(4)))
    end)

    it("gives a lock back whose time has passed, whatever is called next", function()
      local other = mic.store.file { path = path }
      for _, use in ipairs { store.load, store.save } do
        assert.is_truthy(store.lock("key", 0.01))
        clock.sleep(0.02)
        assert.is_false(other.lock("key", 45))
        use "key"
        other.unlock("key", assert(other.lock("key", 45)))
      end
    end)

    it("gives the lock again to the same owner, whom the token did not reach", function()
      local owner = {}
      local lost = store.lock("key", 45, owner)
      assert.is_false(store.lock("key", 45, {}))
      local token = store.lock("key", 45, owner)
      assert.is_truthy(token)
      assert.is_false(store.unlock("key", lost))
      assert.is_true(store.unlock("key", token))
      assert.is_false(store.unlock("key", token))
    end)

    it("recovers from the removal of its whole folder, the lock too", function()
      local token = store.lock("key", 45)
      store.save("key", record(1))
      folder:remove()
      assert.is_nil(store.load "key")
      local other = mic.store.file { path = path }
      local theirs = other.lock("key", 45)
      assert.is_truthy(theirs)
      local _, err = store.save("key", record(2))
      assert.equal("EAGAIN", err.code)
      assert.is_true(other.save("key", record(3)))
      other.unlock("key", theirs)
      assert.is_true(store.save("key", record(2)))
      store.unlock("key", token)
      assert.equal(2, number_in())
    end)
  end)

  describe("by its path", function()
    local home = "env -u XDG_STATE_HOME -u STATE_DIRECTORY -u HOME "

    local function default(variables)
      return (folder:lua('print(require("mic").store.file())', home .. variables))
    end

    it("is found by the XDG rules", function()
      assert.equal("mic.store.file (/s/lua-mic/credentials)\n", default "XDG_STATE_HOME=/s HOME=/h")
      for _, no_path in ipairs { "", "relative/state" } do
        assert.equal("mic.store.file (/h/.local/state/lua-mic/credentials)\n",
          default("HOME=/h XDG_STATE_HOME=" .. no_path))
      end
      assert.equal("mic.store.file (/h/.local/state/lua-mic/credentials)\n", default "HOME=/h")
    end)

    it("says what is missing where there is no home", function()
      for _, variables in ipairs { "", "HOME=", "HOME=here" } do
        local printed = folder:lua([[
          local store = require("mic").store.file {}
          print(store)
          print(store.load "key")
          print(store.save("key", nil))
          print(store.lock("key", 45))
          print(store.unlock("key", 1))
        ]], home .. variables)
        local problem = "nil\tstore: there is no path for the credentials: HOME is not set; "
          .. "set the path of mic.store.file\n"
        assert.equal("mic.store.file (no path)\n" .. problem:rep(3) .. "false\n", printed)
      end
    end)

    it("counts a relative one from the folder of the time when it was made", function()
      local printed = puppet.lua(folder, [[
        tell("chdir:" .. FOLDER)
        local here = mic.store.file { path = "here/credentials" }
        tell "chdir:/"
        print(here, here.save(KEY, record(1)))
      ]])
      assert.equal(("mic.store.file (%s)\ttrue\n"):format(folder:at "here/credentials"), printed)
      assert.equal("600 regular file", stat(folder:at "here/credentials.key"))
    end)

    it("says so when the present folder is gone", function()
      local printed = puppet.lua(folder, [[
        os.execute("mkdir " .. FOLDER .. "/gone")
        tell("chdir:" .. FOLDER .. "/gone")
        os.execute("rmdir " .. FOLDER .. "/gone")
        print(mic.store.file { path = "credentials" }.load(KEY))
      ]])
      assert.equal("nil\tstore: no such file or folder; choose another path (ENOENT)\n", printed)
    end)

    it("takes one that ends in a slash for a folder", function()
      store = mic.store.file { path = folder:at "new/folders" .. "/" }
      assert.is_true(store.save("key", record(1)))
      assert.equal("credentials.key credentials.key~lock", names())
    end)

    it("says so when the path is a folder", function()
      run("mkdir -p -m 700 " .. quote(path))
      expect_refused("store EISDIR: the path is a folder; name a file in it, or end the path "
        .. "with a slash: " .. path)
    end)

    it("says so when the path or the key is too long", function()
      store = mic.store.file { path = folder:at(("x"):rep(256)) }
      local _, err = store.save("key", record(1))
      assert.equal("store ENAMETOOLONG: the name is too long; choose another path: ",
        line(err):match "^.-: .-: ")
      store = mic.store.file { path = folder:at "" .. ("x/"):rep(3000) .. "credentials" }
      _, err = store.save("key", record(1))
      assert.equal("ENAMETOOLONG", err.code)
      store = mic.store.file { path = path }
      _, err = store.save(("k"):rep(300), record(1))
      assert.equal("ENAMETOOLONG", err.code)
    end)

    it("says so when a part of it is no folder", function()
      folder:write("new", "a file")
      expect_refused("store ENOTDIR: a part of the path is not a folder; choose another path: "
        .. folder:at "new/folders")
    end)

    it("may lead through links", function()
      run(("cd %s && mkdir real && ln -s real new"):format(quote(folder.path)))
      assert.is_true(store.save("key", record(1)))
      assert.equal("600 regular file", stat(folder:at "real/folders/credentials.key"))
    end)

    it("works on a file system in memory", function()
      local shm = run("d=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d); echo \"$d\"")
        :match "[^\n]+"
      local there = mic.store.file { path = shm .. "/credentials" }
      assert.is_true(there.save("key", record(1)))
      assert.equal(1, number_in(there))
      run("rm -rf " .. quote(shm))
    end)

    it("raises for what no path can be", function()
      local function message_of(given)
        local ok, message = pcall(mic.store.file, given)
        assert.is_false(ok)
        return (message:gsub("^[^:]+:%d+: ", ""))
      end
      assert.equal('option "path" must be a file name (got an empty string)',
        message_of { path = "" })
      assert.equal('option "path" must not contain a NUL byte',
        message_of { path = "a\0b" })
      assert.equal('option "path" must be a file name (got number)', message_of { path = 1 })
      assert.equal('unknown option "file"; did you mean "path"? known options: path',
        message_of { file = "x" })
      assert.equal("mic.store.file takes a table of options (got string); write mic.store.file "
        .. "{ path = … }", message_of "x")
    end)

    it("stands in its name, and the word for the status in front of it", function()
      assert.equal(("mic.store.file (%s)"):format(path), tostring(store))
      local client = mic.new { base_url = "https://localhost/x", api_key = "-", store = store }
      assert.equal("mic.store.file", client:status().store)
      for name, value in pairs(store) do
        assert.equal("function", type(value), name)
      end
    end)

    it("raises when it is called with a colon, and for times that are none", function()
      for _, name in ipairs { "load", "save", "lock", "unlock" } do
        local ok, message = pcall(store[name], store, "key")
        assert.is_false(ok)
        assert.is_truthy(message:find("are called with a dot", 1, true))
      end
      assert.has_error(function()
        store.lock("key", 0)
      end)
      assert.has_error(function()
        store.save("key", record(1), -1)
      end)
    end)
  end)

  describe("does not trust", function()
    before_each(function()
      store.save("key", record(1))
    end)

    local function chmod(mode, name)
      run(("chmod %s %s"):format(mode, quote(name)))
    end

    it("a folder that others may write to, unless it is sticky", function()
      for _, mode in ipairs { "720", "702", "777", "2770" } do
        chmod(mode, folder:at "new/folders")
        expect_refused("store EPERM: others may write to the folder; run chmod go-w on it: "
          .. folder:at "new/folders")
      end
      run("chmod go-w " .. quote(folder:at "new/folders"))
      assert.equal(1, number_in())
      chmod("1777", folder:at "new/folders")
      assert.equal(1, number_in())
      assert.is_true(store.save("key", record(2)))
    end)

    it("a record that others can read or write", function()
      for _, mode in ipairs { "640", "604", "620", "602", "610", "601" } do
        chmod(mode, file)
        local expected = "store EPERM: others can read or write the file; run chmod 600 on it: "
          .. file
        assert.equal(expected, line(select(2, store.load "key")))
        assert.equal(expected, line(select(2, store.save("key", record(2)))))
        assert.equal(expected, line(select(2, store.save("key", nil))))
      end
      run("chmod 600 " .. quote(file))
      assert.equal(1, number_in())
    end)

    it("a lock that others can read or write", function()
      chmod("666", file .. "~lock")
      local expected = "store EPERM: others can read or write the file; run chmod 600 on it: "
        .. file .. "~lock"
      assert.equal(expected, line(select(2, store.lock("key", 45))))
      assert.equal(expected, line(select(2, store.save("key", record(2)))))
      assert.equal(1, number_in())
      chmod("600", file .. "~lock")
      assert.is_truthy(store.lock("key", 45))
    end)

    --- What may exist at the path instead of a file: how to create it, and the error.
    local impostors = {
      { "a symbolic link", "echo x > real && chmod 600 real && ln -s real %s", "ELOOP",
        "it is a symbolic link" },
      { "a link to nowhere", "ln -s nowhere %s", "ELOOP", "it is a symbolic link" },
      { "a FIFO", "mkfifo -m 600 %s", "EINVAL", "it is not a regular file" },
      { "a folder", "mkdir -m 700 %s", "EISDIR", "it is a folder" },
    }

    for _, impostor in ipairs(impostors) do
      local what, make, code, problem = impostor[1], impostor[2], impostor[3], impostor[4]

      local function put(name)
        os.remove(name)
        run(("cd %s && "):format(quote(folder:at "new/folders")) .. make:format(quote(name)))
      end

      it(what .. " in the place of the record", function()
        put(file)
        local expected = ("store %s: %s; remove it or choose another path: %s"):format(code,
          problem, file)
        assert.equal(expected, line(select(2, store.load "key")))
        assert.equal(expected, line(select(2, store.save("key", record(2)))))
        assert.equal(expected, line(select(2, store.save("key", nil))))
        assert.is_truthy(store.lock("key", 45))
        assert.is_nil(names():find "nowhere")
        run("rm -rf " .. quote(file))
        assert.is_true(store.save("key", record(2)))
      end)

      it(what .. " in the place of the lock", function()
        put(file .. "~lock")
        local expected = ("store %s: %s; remove it or choose another path: %s~lock"):format(code,
          problem, file)
        assert.equal(expected, line(select(2, store.lock("key", 45))))
        assert.equal(expected, line(select(2, store.save("key", record(2)))))
        assert.equal(1, number_in())
        run("rm -rf " .. quote(file .. "~lock"))
        assert.is_truthy(store.lock("key", 45))
      end)

      it(what .. " in the place of a new record", function()
        put(file .. "~new")
        local saved, err = store.save("key", record(2))
        if what == "a folder" then
          assert.is_nil(saved)
          assert.equal("store EISDIR: it is a folder; choose another path: " .. file .. "~new",
            line(err))
          assert.equal(1, number_in())
        else
          assert.is_true(saved)
          assert.equal(2, number_in())
          assert.is_nil(names():find "nowhere")
        end
        assert.equal(what == "a symbolic link" and "x\n" or nil, folder:read "new/folders/real")
      end)
    end

    it("another user's folder", function()
      local expected = "store EPERM: the folder belongs to another user; use a folder below it: "
        .. 'path = "%s/lua-mic/credentials"'
      if puppet.is_root() then
        run("chown 4242 " .. quote(folder:at "new/folders"))
        expect_refused(expected:format(folder:at "new/folders"))
      else
        run("mkdir -m 700 " .. quote(folder:at "store"))
        local printed = puppet.lua(folder, [[
          tell "euid:4242"
          print(select(2, store.load(KEY)).message)
        ]])
        assert.equal(expected:match "EPERM: (.*)":format(folder:at "store") .. "\n", printed)
      end
    end)

    it("another user's link to a folder, at its end or on the way", function()
      local other = puppet.is_root() and "chown -h 4242 " or "true "
      local real = quote(folder:at "real")
      run("mkdir -p -m 700 " .. real .. " " .. quote(folder:at "new"))
      local link, ours = quote(folder:at "new/folders"), quote(folder:at "link")
      local expected = "store EPERM: another user's symbolic link leads to the folder; "
        .. "choose another path: " .. folder:at "new/folders"
      if puppet.is_root() then
        for _, make in ipairs {
          ("ln -s %s %s && %s %s"):format(real, link, other, link),
          ("ln -s ../real %s && %s %s"):format(link, other, link),
          ("ln -s %s %s && %s %s && ln -s ../link %s"):format(real, ours, other, ours, link),
        } do
          run("rm -rf " .. link .. " " .. ours .. " && " .. make)
          expect_refused(expected)
          assert.equal("", run("ls -A " .. real))
        end
      else
        run(("ln -s %s %s"):format(real, quote(folder:at "store")))
        local printed = puppet.lua(folder, [[
          tell "euid:4242"
          print(select(2, store.load(KEY)).message)
        ]])
        assert.is_truthy(printed:find("another user's symbolic link", 1, true), printed)
      end
      run(("rm -rf %s %s && ln -s real %s && ln -s ../link %s"):format(link, ours, ours, link))
      assert.is_true(store.save("key", record(1))) -- ours are followed
      assert.equal("credentials.key", run("ls -A " .. real):match "[%w.]+")
    end)

    it("another user's record or lock in a folder for all", function()
      local base = run("mktemp -u"):match "[^\n]+"
      local printed = puppet.lua(folder, ([[
        local shared = mic.store.file { path = %q }
        shared.save(KEY, record(1))
        tell "euid:4242"
        print(select(2, shared.load(KEY)).message)
        print(select(2, shared.lock(KEY, 45)).message)
        print(select(2, shared.save(KEY, record(1))).message)
      ]]):format(base))
      run("rm -f " .. quote(base) .. ".key*")
      local problem = "the file belongs to another user; remove it or choose another path: " .. base
      assert.equal(problem .. ".key\n" .. (problem .. ".key~lock\n"):rep(2), printed)
    end)

    it("or cannot use, a folder without permission", function()
      run("chmod 700 " .. quote(folder.path))
      local as_user = ""
      if puppet.is_root() then
        as_user = "assert(tell 'become:65534' == 0)"
        run("chown 65534 " .. quote(folder.path))
        run("chmod 755 " .. quote(folder.path))
      end
      local printed = puppet.lua(folder, as_user .. [[
        assert(store.save(KEY, record(1)))
        local function refused(mode)
          os.execute("chmod " .. mode .. " " .. FOLDER .. "/store")
          for _, name in ipairs { "load", "lock", "save" } do
            local value, err = store[name](KEY, name == "lock" and 45 or record(2))
            print(name, name == "load" and value and value:retry_at() == 1 or value,
              err and err.code .. " " .. err.message:gsub(FOLDER, ""))
          end
        end
        refused "500"
        refused "000"
        os.execute("chmod 700 " .. FOLDER .. "/store")
        print(number() == 1)
      ]])
      -- The shells run as another user, who may not be able to read this checkout.
      printed = printed:gsub("ERROR: ld%.so: [^\n]* cannot be preloaded[^\n]*\n", "")
      local problem = "EACCES permission denied; this user must be able to read and write there: "
      assert.equal("load\ttrue\tnil\nlock\t1\tnil\n"
        .. "save\tnil\t" .. problem .. "/store/credentials.key~new\n"
        .. "load\tnil\t" .. problem .. "/store\n"
        .. "lock\tnil\t" .. problem .. "/store\n"
        .. "save\tnil\t" .. problem .. "/store\n" .. "true\n", printed)
    end)
  end)

  describe("with content that is no record", function()
    --- By name; made here, since the bytes of a record are.
    local function contents()
      local bytes = record(1):bytes()
      return {
        ["nothing"] = "",
        ["one byte"] = "m",
        ["text"] = "no record at all\n",
        ["zeros"] = ("\0"):rep(4096),
        ["half a record"] = bytes:sub(1, math.floor(#bytes / 2)),
        ["all but the last byte"] = bytes:sub(1, -2),
        ["a byte too many"] = bytes .. "\0",
        ["another byte in it"] = bytes:sub(1, 60) .. "\1" .. bytes:sub(62),
        ["a megabyte"] = bytes .. ("x"):rep(2 ^ 20),
        ["the most that is read, and one more"] = ("x"):rep(8 * 10240 + 1),
      }
    end

    for what in pairs(contents()) do
      it("sets " .. what .. " aside, private, and goes on", function()
        local planted = contents()[what]
        plant(planted)
        assert.is_nil(store.load "key")
        assert.equal(planted, content "key~damaged")
        assert.equal("600", stat(file .. "~damaged"):match "%d+")
        assert.is_nil(content "key")
        assert.is_true(store.save("key", record(2)))
        assert.equal(2, number_in())
      end)
    end

    it("keeps the last of them, also when a save finds it", function()
      plant "first"
      assert.is_nil(store.load "key")
      plant "second"
      assert.is_true(store.save("key", record(1)))
      assert.equal("second", content "key~damaged")
      assert.equal(1, number_in())
    end)

    it("does not touch it while another holder has the lock, who may be saving", function()
      plant "damaged"
      local other = mic.store.file { path = path }
      local token = other.lock("key", 45)
      assert.is_nil(store.load "key")
      assert.equal("damaged", content "key")
      other.unlock("key", token)
      assert.is_nil(store.load "key")
      assert.equal("damaged", content "key~damaged")
    end)

    it("sets it aside under its own lock, and keeps that", function()
      plant "damaged"
      local token = store.lock("key", 45)
      assert.is_nil(store.load "key")
      assert.equal("damaged", content "key~damaged")
      assert.is_false(mic.store.file { path = path }.lock("key", 45))
      assert.is_true(store.unlock("key", token))
    end)

    it("never destroys the record of a newer version", function()
      local newer = records.framed(6, "whatever comes")
      plant(newer)
      local expected = "store ENOTSUP: it was saved by a newer version of lua-mic; use that one, "
        .. "or remove the file: " .. file
      assert.equal(expected, line(select(2, store.load "key")))
      assert.equal(expected, line(select(2, store.save("key", record(1)))))
      assert.equal(expected, line(select(2, store.save("key", nil))))
      assert.equal(newer, content "key")
      os.remove(file)
      assert.is_true(store.save("key", record(1)))
    end)
  end)

  it("leaves no secret in memory once its records are gone", function()
    --- The needle is given backwards, so that it finds nothing but the token.
    assert(mic.store.file({ path = folder:at "store/credentials" }).save("key", record(7)))
    local printed = puppet.lua(folder, [[
      local function occurrences()
        collectgarbage()
        collectgarbage()
        return tell "scan:tser-taht-nek0t"
      end
      local loaded = assert(store.load(KEY))
      assert(store.save(KEY, loaded))
      local with = occurrences()
      loaded = nil
      print(with, occurrences())
    ]])
    assert.equal("1\t0\n", printed)
  end)
end)
