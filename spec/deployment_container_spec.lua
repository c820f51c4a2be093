-- docs/deployment.md: the recipes for Docker and Kubernetes, with the user, the variables and the
-- file systems that a container has, in namespaces where these are permitted.

local api = require "spec.support.api"
local clock = require "spec.support.clock"
local deployed = require "spec.support.deployed"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"
local tree = require "spec.support.tree"

local FOLDER = deployed.recipes
local quote = shell.quote

--- The instructions of the Dockerfile: lists of texts by name, for each stage.
local function dockerfile()
  local stages, stage = {}, nil
  local text = tree.read(FOLDER .. "Dockerfile"):gsub("#[^\n]*\n", ""):gsub("\\\n", " ")
  for name, value in text:gmatch "(%u+) ([^\n]+)" do
    if name == "FROM" then
      stage = {}
      stages[#stages + 1] = stage
    end
    stage[name] = stage[name] or {}
    table.insert(stage[name], value)
  end
  return stages
end

local build, image = dockerfile()[1], dockerfile()[2]

--- The words of a JSON array of strings.
local function words_of(array)
  local words = {}
  for word in array:gmatch '"([^"]*)"' do
    words[#words + 1] = word
  end
  return table.concat(words, " ")
end

local ENTRY, POLLER = words_of(image.ENTRYPOINT[1]) .. " ", words_of(image.CMD[1])
local JOB = POLLER:gsub("poller", "job")

--- The variables of a container: of the image, and of the file with the service's.
local function variables_of(host)
  local variables = host:variables_of "/etc/report/env"
  variables.PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  variables.HOME = "/"
  for _, line in ipairs(image.ENV) do
    local name, value = line:match "^(%S+)=(%S+)$"
    variables[name] = value
  end
  return variables
end

describe("the image for Docker", function()
  it("has the user of this spec, by number, as Kubernetes needs it", function()
    assert.equal(("%d:%d"):format(deployed.user, deployed.user), image.USER[1])
  end)

  it("has packages that are known", function()
    local known = tree.read "tools/deps" .. " libcurl4 "
    for _, stage in ipairs { build, image } do
      local packages, count = stage.RUN[1]:match "recommends ([%w%. -]+)", 0
      for package in packages:gmatch "%S+" do
        count = count + 1
        local general = package:gsub("lua5%.%d", "$1")
        local found = known:find(package, 1, true) or known:find(general, 1, true)
        assert.is_truthy(found or package == "make", package)
      end
      assert.is_true(count > 4)
    end
  end)

  if shell.lua:find "lua5%.4" then
    it("is built from the files that it copies", function()
      local source = scratch.folder().path
      for _, line in ipairs(build.COPY) do
        local from, to = line:match "^(%S+) (%S+)$"
        shell.check(("cp -r %s %s/%s"):format(from, source, to))
      end
      local make = build.RUN[2]:match "^(make install .*)/installed$"
      shell.check(("cd %s && %s%s/installed CFLAGS=-O0"):format(source, make, source))
      assert.equal(require("mic")._VERSION, shell.check(([[
        cd %s/installed/usr/local && LUA_PATH="$PWD/share/lua/5.4/?.lua;;" \
          LUA_CPATH="$PWD/lib/lua/5.4/?.so;;" lua5.4 -e 'io.write(require("mic")._VERSION)'
      ]]):format(source)))
    end)
  end
end)

describe("in a container of Docker", function()
  local box = api.around()
  local host, variables

  before_each(function()
    host = deployed.new(box)
    host:secret("/run/secrets/mic-password", box.password .. "\n", "400", deployed.user)
    variables = variables_of(host)
    variables.MIC_PASSWORD_FILE = host:at "/run/secrets/mic-password"
  end)

  it("the poller has a read-only root, keeps its login in /dev/shm, ends at SIGTERM", function()
    local program = host:start(host:container(host:localised(ENTRY .. POLLER), variables))
    assert.is_true(program.prints "demo\ndemo\n", program.printed())
    assert.equal(1, box:counters().login)
    local arguments = program.arguments()
    assert.is_truthy(arguments:find("poller.lua", 1, true), arguments)
    assert.is_nil(arguments:find(box.password, 1, true))
    assert.is_nil(arguments:find(box.api_key, 1, true))
    program.signal "TERM"
    assert.is_true(program.ends())
  end)

  it("without an init process SIGTERM does not reach it", function()
    local command = host:localised((ENTRY:gsub("^%S*tini %-%- ", "")) .. POLLER)
    local program = host:start(host:container(command, variables))
    assert.is_true(program.prints "demo\n", program.printed())
    program.signal "TERM"
    local before = #program.printed()
    clock.eventually(function()
      return #program.printed() > before + #"demo\n" or not program.runs()
    end)
    assert.equal(deployed.isolates, program.runs())
  end)

  it("the job keeps its login on a volume", function()
    host:make("/state", "700")
    variables.XDG_STATE_HOME = host:at "/state"
    local command = ("sh -c %s sh "):format(quote 'touch /etc/written && echo writable; exec "$@"')
      .. host:localised(ENTRY .. JOB)
    for _, expected in ipairs { "demo\tlogged in\n", "demo\twith a saved login\n" } do
      local program = host:start(host:container(command, variables, { "/state" }))
      assert.is_true(program.ends())
      local refusal, printed = program.printed():match "^(touch: [^\n]*\n)(.*)$"
      assert.equal(expected, printed)
      assert.is_truthy(not deployed.isolates or refusal:find "Read%-only file system", refusal)
    end
    assert.equal("700 600 600", host:modes "/state")
  end)

  it("says so when another user owns the password file", function()
    host:secret("/run/secrets/mic-password", "x", deployed.is_root and "400" or "000", "0:0")
    local printed, status = host:run(host:localised(ENTRY .. JOB), variables)
    assert.equal(1, status)
    local line = "MIC_PASSWORD_FILE: the file .* cannot be read: Permission denied"
    assert.is_truthy(printed:find(line), printed)
  end)

  it("Compose mounts what the variables name", function()
    local text = tree.read(FOLDER .. "compose.yaml")
    local function has(line)
      assert.is_truthy(text:find(line, 1, true), line)
    end
    local name = text:match "MIC_PASSWORD_FILE: /run/secrets/(%S+)"
    local file = deployed.block_with("docker build"):match " (%S+/container%-password)\n"
    has(("\nsecrets:\n  %s:\n    file: %s\n"):format(name, file))
    has(("secrets: [%s]"):format(name))
    local state = text:match "XDG_STATE_HOME: (%S+)"
    has(('volumes: ["state:%s"]'):format(state))
    local made = ("install -d -m 700 -o %d -g %d %s"):format(deployed.user, deployed.user, state)
    assert.is_truthy(image.RUN[1]:find(made, 1, true))
    local context, path = text:match "context: (%S+)\n%s+dockerfile: (%S+)"
    shell.check(("test -f %s%s/%s"):format(FOLDER, context, path))
  end)
end)

describe("in a pod of Kubernetes", function()
  local box = api.around()
  local text = tree.read(FOLDER .. "kubernetes.yaml")
  local host, variables

  --- The files of a secret as the kubelet writes them: root's, for the group of fsGroup, in a
  --- folder that a symbolic link names. A change replaces the link.
  local function write_secret(version, password)
    local mode = text:match "secretName: report%-password, defaultMode: (%d+)"
    local folder, owner = "/run/secrets/report/..version" .. version, "0:" .. deployed.user
    host:make(folder, "755", owner)
    host:secret(folder .. "/password", password, mode, owner)
    shell.check(([[
      cd %s && ln -s ..version%d ..data_tmp && mv -T ..data_tmp ..data &&
        ln -sfn ..data/password password
    ]]):format(host:at "/run/secrets/report", version))
  end

  before_each(function()
    host = deployed.new(box)
    variables = variables_of(host)
    for name, value in text:gmatch "{name: ([%u_]+), value: (%S+)}" do
      variables[name] = host:localised(value)
    end
    host:make("/state", "2777", "0:" .. deployed.user) -- an emptyDir with fsGroup
  end)

  it("what the variables name is mounted, and the user is that of the image", function()
    local function has(line)
      assert.is_truthy(text:find(line, 1, true), line)
    end
    local password = text:match "MIC_PASSWORD_FILE, value: (%S+)/password}"
    has(("{name: password, mountPath: %s, readOnly: true}"):format(password))
    has(("{name: state, mountPath: %s}"):format(text:match "XDG_STATE_HOME, value: (%S+)}"))
    for _, name in ipairs { "runAsUser", "runAsGroup", "fsGroup" } do
      has(("\n        %s: %d\n"):format(name, deployed.user))
    end
    local commands = deployed.block_with "kubectl create"
    for _, pattern in ipairs { "secretRef: {name: (%S+)}", "secretName: ([%w-]+)" } do
      assert.is_truthy(commands:find("generic " .. text:match(pattern) .. " --from", 1, true))
    end
  end)

  it("the poller reads the secret, and a changed one at its next login", function()
    write_secret(1, "not-this-one\n")
    local command = host:localised(ENTRY .. POLLER)
    local program = host:start(host:container(command, variables, { "/state" }))
    assert.is_true(program.prints "auth: [^\n]*password", program.printed())
    write_secret(2, box.password)
    assert.is_true(program.prints "\ndemo\n", program.printed())
    assert.is_nil(program.printed():find("not-this-one", 1, true))
    assert.equal("2700 600 600", host:modes "/state")
  end)

  it("the secrets are made of the files", function()
    local count = 0
    for line in deployed.block_with("kubectl create"):gmatch "kubectl create [^\n]+" do
      count = count + 1
      local path = line:match "=(/etc/report/%a+)$"
      shell.check("test -f " .. host:at(path))
      if deployed.has "kubectl" then
        local dry = ("HOME=%s %s --dry-run=client -o yaml"):format(host.path, host:localised(line))
        assert.is_truthy(shell.check(dry):find("kind: Secret", 1, true))
      end
    end
    assert.equal(2, count)
  end)
end)
