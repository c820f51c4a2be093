-- Paths of the file store: container volumes, services without a home. An error names a path that
-- works.

local api = require "spec.support.api"
local puppet = require "spec.support.puppet"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local quote, run = shell.quote, shell.check

local IS_ROOT = puppet.is_root()
local USER = IS_ROOT and 65534 or 4242

--- Becomes another user than the folder's owner: really, or where not permitted, by geteuid.
local AS_OTHER = IS_ROOT and "assert(tell 'become:65534' == 0)\n" or "tell 'euid:4242'\n"
local AS_USER = IS_ROOT and AS_OTHER or ""

describe("the file store on a volume that is not its user's own", function()
  local folder, volume

  before_each(function()
    folder = scratch.folder()
    volume = folder:at "volume"
    run("chmod 755 " .. quote(folder.path))
  end)

  local function make(mode)
    run(("rm -rf %s && mkdir %s"):format(quote(volume), quote(volume)))
    if IS_ROOT then
      run("chgrp 65534 " .. quote(volume))
    end
    run(("chmod %s %s"):format(mode, quote(volume)))
  end

  --- The error of each function for the volume: one line, since they agree.
  local function refusal()
    local printed = puppet.lua(folder, AS_OTHER .. [[
      local store = mic.store.file { path = FOLDER .. "/volume/credentials" }
      for _, name in ipairs { "load", "lock", "save" } do
        local value, err = store[name](KEY, name == "lock" and 45 or record(1))
        assert(value == nil)
        print(err.kind, err.code, err.message)
      end
    ]])
    local first = printed:match "^[^\n]*\n"
    assert.equal(first:rep(3), printed)
    return (first:gsub("\n", ""):gsub("\t", " "))
  end

  local function expected(problem, name)
    return ('store EPERM %s; use a folder below it: path = "%s/%s/credentials"'):format(problem,
      volume, name)
  end

  local function use(path, text)
    return puppet.lua(folder, AS_USER .. ("local PATH = %q\n"):format(path)
      .. "local store = mic.store.file { path = PATH }\n" .. text)
  end

  -- an emptyDir of Kubernetes; one with fsGroup; a persistent volume with fsGroup
  for _, mode in ipairs { "0777", "2777", "2775" } do
    it("names a folder below it that will do: mode " .. mode, function()
      make(mode)
      local line = refusal()
      assert.equal(expected("others may write to the folder", "lua-mic"), line)
      local path = line:match 'path = "(.*)"$'
      assert.equal("true\ttrue\ttrue\n", use(path, [[
        print(store.lock(KEY, 45) == 1, store.save(KEY, record(7)), store.load(KEY):retry_at() == 7)
      ]]))
      assert.equal("700\n", run("stat -c %a " .. quote(volume .. "/lua-mic")):match "%d%d%d\n")
      assert.equal("true\n", use(path, "print(store.load(KEY):retry_at() == 7)"))
    end)
  end

  it("refuses what fsGroup has opened for the group at a restart, and tells how to correct it and "
    .. "keep it so", function()
    make "2775"
    local path = volume .. "/lua-mic/credentials"
    use(path, "assert(store.save(KEY, record(7)))")
    run(("chmod -R g+rwX %s && chmod g+s %s/lua-mic"):format(quote(volume), quote(volume)))
    local look = [[
      for _, name in ipairs { "load", "lock", "save" } do
        local value, err = store[name](KEY, name == "lock" and 45 or record(1))
        print(value, err and err.code, err and err.message, err and err.hint)
      end
    ]]
    local hint = "done by Kubernetes' fsGroup? chmod -R go-rwx on the folder corrects all in it, "
      .. "and fsGroupChangePolicy: OnRootMismatch keeps it so"
    local line = "nil\tEPERM\tothers may write to the folder; run chmod go-w on it: " .. volume
      .. "/lua-mic\t" .. hint .. "\n"
    assert.equal(line:rep(3), use(path, look))
    run(("chmod g-w %s/lua-mic"):format(quote(volume)))
    line = "nil\tEPERM\tothers can read or write the file; run chmod 600 on it: " .. path
      .. ".key%s\t" .. hint .. "\n"
    assert.equal(line:format "" .. line:format "~lock" .. line:format "~lock", use(path, look))
    run(("chmod -R go-rwx %s/lua-mic"):format(quote(volume)))
    assert.equal("true\n", use(path, "print(store.load(KEY):retry_at() == 7)"))
    assert.equal("true\n", use(path, "print(store.save(KEY, record(8)))"))
  end)

  it("names another one where another user was first", function()
    make "0777"
    run("mkdir -m 700 " .. quote(volume .. "/lua-mic"))
    assert.equal(expected("others may write to the folder", "lua-mic-" .. USER), refusal())
    run("ln -s / " .. quote(volume .. "/lua-mic-" .. USER))
    assert.equal("store EPERM others may write to the folder; choose another path: " .. volume,
      refusal())
  end)

  it("names none where it could make none", function()
    make(IS_ROOT and "0775" or "0577")
    if IS_ROOT then
      run("chgrp 0 " .. quote(volume))
    end
    assert.equal("store EPERM others may write to the folder; choose another path: " .. volume,
      refusal())
  end)

  it("names one in the folder of another user too, where that can be written", function()
    make "0700"
    if IS_ROOT then
      run("chown 4242 " .. quote(volume))
      local printed = puppet.lua(folder, [[
        local store = mic.store.file { path = FOLDER .. "/volume/credentials" }
        print(select(2, store.load(KEY)).message)
        local below = select(2, store.load(KEY)).message:match 'path = "(.*)"$'
        print(mic.store.file({ path = below }).save(KEY, record(1)))
      ]])
      assert.equal(expected("the folder belongs to another user", "lua-mic")
        :match "^store EPERM (.*)$" .. "\ntrue\n", printed)
    else
      assert.equal(expected("the folder belongs to another user", "lua-mic"), refusal())
    end
  end)

  it("says that a record which is a mount point cannot be replaced, and what to mount", function()
    local command = puppet.command(folder, [[
      local file = PATH .. "." .. KEY
      assert(store.save(KEY, record(1)))
      if os.getenv "MAY_MOUNT" then
        os.execute(("cp -p %s %s/kept && mount --bind %s/kept %s 2>/dev/null"):format(file, FOLDER,
          FOLDER, file))
      end
      if not io.open("/proc/self/mountinfo"):read("*a"):find(FOLDER, 1, true) then
        tell "fail:renameat:1+:EBUSY" -- nothing could be mounted here
      end
      local saved, err = store.save(KEY, record(2))
      print(saved, err.code, err.message)
      print(number() == 1, io.open(file .. "~new") == nil)
    ]])
    local mounting = quote("MAY_MOUNT=yes " .. command)
    local printed = run(("if unshare -m true 2>/dev/null; then unshare -m sh -c %s; "
      .. "elif unshare -rm true 2>/dev/null; then unshare -rm sh -c %s; else %s; fi"):format(
      mounting, mounting, command))
    assert.equal("nil\tEBUSY\tit is a mount point: mount its folder, not the file: "
      .. folder:at "store/credentials.key" .. "\ntrue\ttrue\n", printed)
  end)
end)

describe("a client with a file store by default", function()
  local box = api.around()
  local folder

  before_each(function()
    folder = scratch.folder()
  end)

  --- Runs a program with only the variables that name folders.
  local function lua(text, variables)
    return folder:lua(([[
      local mic = require "mic"
      local OPTIONS = {
        base_url = %q, api_key = %q, username = "demo", password = %q, tls = { ca_file = %q },
      }
    ]]):format(box.base_url, box.api_key, box.password, box.ca_file) .. text,
      "env -u XDG_STATE_HOME -u STATE_DIRECTORY -u HOME " .. variables)
  end

  it("tells at once that there is no place for it, in an event and in its status, and works",
    function()
      local problem = "store: the store could not load: there is no path for the credentials: "
        .. "HOME is not set; set the path of mic.store.file"
      local printed = lua([[
        local made = true
        OPTIONS.store = mic.store.file()
        function OPTIONS.on_event(event)
          if event.type == "store" and made then
            made = false
            print(event.err)
            error("of the listener", 0)
          end
        end
        local client = mic.new(OPTIONS)
        print(made, client:status().store_error)
        print(client:status().event_error)
        print(client:get("/user").status, (client:status().store_error:match "^store: "))
      ]], "")
      assert.equal(problem .. "\nfalse\t" .. problem .. "\nof the listener\n200\tstore: \n",
        (printed:gsub("^mic: on_event raised [^\n]*\n", "", 1)
          :gsub("\nmic: on_event raised [^\n]*", "", 1)))
    end)

  it("stands in the service's folder before the home, and behind XDG_STATE_HOME", function()
    local function place(variables)
      return lua("print(mic.store.file())", variables):match "%((.-)/lua%-mic/credentials%)"
    end
    assert.equal("/var/lib/reports", place "STATE_DIRECTORY=/var/lib/reports HOME=/")
    assert.equal("/var/lib/reports", place "STATE_DIRECTORY=/var/lib/reports/:/more HOME=/h")
    assert.equal("/var/lib/reports", place "STATE_DIRECTORY=/var/lib/reports")
    assert.equal("/s", place "STATE_DIRECTORY=/var/lib/reports XDG_STATE_HOME=/s HOME=/h")
    for _, no_path in ipairs { "", "relative", ":/more" } do
      assert.equal("/h/.local/state", place("HOME=/h STATE_DIRECTORY=" .. no_path))
    end
    assert.equal("/.local/state", place "HOME=/")
  end)

  it("works there, in a folder that systemd has made", function()
    run("mkdir -m 755 " .. quote(folder:at "reports"))
    assert.equal("200\tnil\n", lua([[
      OPTIONS.store = mic.store.file()
      local client = mic.new(OPTIONS)
      print(client:get("/user").status, client:status().store_error)
    ]], ("HOME=/ STATE_DIRECTORY=%s"):format(quote(folder:at "reports"))))
    assert.equal("700\n755\n", run(("stat -c %%a %s %s"):format(quote(folder:at "reports/lua-mic"),
      quote(folder:at "reports"))))
  end)

  it("says how to name another place where that of the environment will not do", function()
    folder:write("home", "no folder")
    local printed = lua([[
      local _, err = mic.store.file().load "key"
      print(err.code, err.hint)
      _, err = mic.store.file({ path = os.getenv "HOME" .. "/x/credentials" }).load "key"
      print(err.code, err.hint)
    ]], "HOME=" .. quote(folder:at "home"))
    assert.equal("ENOTDIR\tthe path comes from the environment; mic.store.file { path = … } "
      .. "sets another\nENOTDIR\tnil\n", printed)
  end)
end)
