-- sandbox/start: what it prints, how it ends, and that nothing stays behind.

local nginx_program = require "spec.support.nginx_program"
local shell = require "spec.support.shell"
local support = require "spec.support.sandbox"
local tree = require "spec.support.tree"

local quote = shell.quote

--- Shell functions for the scripts below. `begin` starts a sandbox in the background; `gone` waits
--- until folder and process are no more (a zombie counts as gone).
--- A shell's background processes ignore SIGINT, and those below nohup SIGHUP: here they are given
--- back.
local PRELUDE = [[
out=$(mktemp)
trap 'rm -f "$out" "$out.errors"' EXIT
value() { sed -n "s/^export $1='\\(.*\\)'$/\\1/p; s/^$1=//p" "$out"; }
begin() {
  env --default-signal=HUP,INT,TERM sandbox/start "$@" >"$out" 2>"$out.errors" </dev/null &
  pid=$!
  until grep -q '^export MIC_MANIFEST_URL=' "$out" || ! kill -0 $pid 2>/dev/null; do
    sleep 0.01
  done
  folder=$(dirname "$(value MIC_CA_FILE)")
  nginx=$(cat "$folder/nginx.pid")
  [ -d "$folder" ] && kill -0 "$nginx"
}
alive() { kill -0 "$1" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }
gone() {
  for _ in $(seq 3000); do
    if [ ! -e "$folder" ] && ! alive "$nginx"; then echo gone; return; fi
    sleep 0.01
  done
  echo "left: $folder, $nginx"
}
]]

local function script(text)
  return shell.run(PRELUDE .. text)
end

describe("sandbox/start", function()
  it("prints its variables, in this order, and nothing else", function()
    local output = script [[
      begin
      sed "s/='[^']*'$/ /" "$out" | tr -d '\n'
      kill $pid
      wait $pid]]
    local expected = ""
    for _, name in ipairs { "BASE_URL", "API_KEY", "USERNAME", "PASSWORD", "CA_FILE",
      "SANDBOX_CONTROL", "SANDBOX_STACK", "MANIFEST_URL" } do
      expected = expected .. "export MIC_" .. name .. " "
    end
    assert.equal(expected, output)
  end)

  it("prints lines that a shell can eval, whatever the name of its folder", function()
    local output = script [[
      export TMPDIR="$(mktemp -d)/it's a \"folder\""
      mkdir "$TMPDIR"
      sandbox/start >"$out" </dev/null 2>"$out.errors" &
      pid=$!
      until grep -q '^export MIC_MANIFEST_URL=' "$out" || ! kill -0 $pid; do sleep 0.01; done
      eval "$(cat "$out")"
      [ -r "$MIC_CA_FILE" ] && echo "${MIC_CA_FILE#"$TMPDIR"/}" | sed "s/sandbox\.[^/]*/sandbox/"
      kill $pid
      wait $pid
      rm -r "$(dirname "$TMPDIR")"
      cat "$out.errors"]]
    assert.equal("mic-sandbox/ca.pem\nsandbox: runs until Ctrl-C, or: "
      .. "curl -X POST $MIC_SANDBOX_CONTROL/stop\n", output)
  end)

  it("gives a command the module of this checkout, and a home of its own for stores", function()
    local output = script [[
      root=$(pwd -P)
      cd /
      unset LUA_PATH LUA_CPATH
      "$root/sandbox/start" -- sh -c '
        echo "$LUA_PATH $LUA_PATH_5_4"
        echo "$LUA_CPATH_5_4"
        echo "$LUA_CPATH"
        [ "$XDG_STATE_HOME" = "$(dirname "$MIC_CA_FILE")/state" ] && echo state' |
        sed "s,$root,ROOT,g"
      LUA_PATH=mine "$root/sandbox/start" -- sh -c 'echo "$LUA_PATH ${LUA_CPATH-none}"']]
    local path = "ROOT/lua/?.lua;ROOT/lua/?/init.lua;;"
    assert.equal(path .. " " .. path .. "\n"
      .. "ROOT/build/lua5.4/?.so;;\n"
      .. "ROOT/build/lua5.1/?.so;ROOT/build/luajit/?.so;;\n"
      .. "state\nmine none\n", output)
  end)

  it("has answers, keys and passwords of its own each time", function()
    local one, other = support.start(), support.start()
    assert.is_truthy(one.base_url:find "^https://localhost:%d+/prod$")
    assert.is_truthy(one.control:find "^http://127%.0%.0%.1:%d+$")
    assert.equal("demo", one.username)
    assert.equal("sandbox.mic.example", one.stack)
    for _, name in ipairs { "base_url", "api_key", "password", "ca_file", "control" } do
      assert.not_equal(one[name], other[name])
    end
    assert.is_truthy(one.api_key:find("^" .. ("%w"):rep(40) .. "$"))
    one:login()
    other:login()
  end)

  it("keeps its folder from others", function()
    local output = script [[
      begin
      stat -c %a "$folder" "$folder/server.key" | tr '\n' ' '
      ls "$folder" | grep -c ca.key
      kill $pid
      wait $pid]]
    assert.equal("700 600 0\n", output)
  end)

  for _, signal in ipairs { "TERM", "HUP", "INT" } do
    it("ends well on SIG" .. signal .. ", and nothing is left", function()
      assert.equal("0 gone\n", (script(("begin\nkill -%s $pid\nwait $pid\nprintf '%%s ' $?\ngone")
        :format(signal))))
    end)
  end

  it("ends well on POST /stop", function()
    assert.equal("{}0 gone\n", (script [[
      begin
      curl -q -s --noproxy '*' -X POST "$(value MIC_SANDBOX_CONTROL)/stop"
      wait $pid
      printf '%s ' $?
      gone]]))
  end)

  it("leaves nothing when it is killed", function()
    assert.equal("gone\n", (script "begin\nkill -KILL $pid\nwait $pid 2>/dev/null\ngone"))
  end)

  it("notices that nginx was killed", function()
    local output = script [[
      begin
      kill -KILL $nginx
      wait $pid
      printf '%s ' $?
      gone
      cat "$out.errors"]]
    assert.is_truthy(output:find "^5 gone\n", output)
    assert.is_truthy(output:find "sandbox: nginx ended with status 137\n", output)
  end)

  it("ends when a watched standard input closes", function()
    local output = script [[
      fifo=$out.in
      mkfifo "$fifo"
      sandbox/start --watch-stdin >"$out" <"$fifo" &
      pid=$!
      exec 5>"$fifo"
      rm "$fifo"
      until grep -q '^export MIC_MANIFEST_URL=' "$out"; do sleep 0.01; done
      folder=$(dirname "$(value MIC_CA_FILE)")
      nginx=$(cat "$folder/nginx.pid")
      echo "not yet" >&5
      sleep 0.3
      kill -0 $pid && printf 'still '
      exec 5>&-
      wait $pid
      printf '%s ' $?
      gone]]
    assert.equal("still 0 gone\n", output)
  end)

  describe("with a command", function()
    --- Runs a command by it; afterwards the folder must be gone.
    local function run(command, before)
      local output, status = shell.run((before or "") .. "sandbox/start -- " .. command)
      return output, status
    end

    it("sets the variables and hands on standard input", function()
      local code = 'echo "$MIC_BASE_URL $MIC_USERNAME"; cat; echo "$MIC_CA_FILE"'
      local output, status = run("sh -c " .. quote(code), "printf 'hello\\n' | ")
      assert.equal(0, status)
      local url, user, input, ca = output:match "^(%S+) (%S+)\n(%S+)\n(%S+)\n$"
      assert.is_truthy(url and url:find "^https://localhost:%d+/prod$", output)
      assert.equal("demo", user)
      assert.equal("hello", input)
      assert.is_nil(io.open(ca))
    end)

    it("answers to it", function()
      local output = run("sh -c " .. quote(
        'curl -q -s --noproxy "*" --cacert "$MIC_CA_FILE" "$MIC_BASE_URL/nope"'))
      assert.equal('{"message":"Missing Authentication Token"}', output)
    end)

    it("ends with its status, arguments untouched", function()
      local output, status = run([[sh -c 'printf "<%s>" "$@"; exit 7' x "a  b" "" "*"]])
      assert.equal("<a  b><><*>", output)
      assert.equal(7, status)
      assert.equal(127, select(2, run "/nowhere/at/all 2>/dev/null"))
      assert.equal(126, select(2, run "/etc/passwd 2>/dev/null"))
      assert.equal(137, select(2, run [[sh -c 'kill -KILL $$' 2>/dev/null]]))
    end)

    it("leaves it the umask of the caller", function()
      assert.equal("0027 drwx------\n", script [[
        umask 027
        sandbox/start -- sh -c 'echo $(umask) $(stat -c %A "$(dirname "$MIC_CA_FILE")")']])
    end)

    it("hides from it what would lead to another API, and the caller's profiles", function()
      local names = { "MIC_CONFIG" }
      for name in tree.read("lua/mic/environment.lua"):gmatch "\n  (MIC_[%u_]+) = " do
        names[#names + 1] = name
      end
      assert.is_true(#names > 10)
      local before = table.concat(names, "=from_outside ") .. "=from_outside "
      local output = run("env", before)
      assert.is_nil(output:find("from_outside", 1, true))
      assert.is_truthy(output:find("MIC_CONFIG=/dev/null\n", 1, true))
    end)

    it("leaves nothing when the command fails", function()
      local output, status = script [[
        sandbox/start -- sh -c 'echo "MIC_CA_FILE=$MIC_CA_FILE" >"$1"; exit 3' x "$out"
        printf '%s ' $?
        folder=$(dirname "$(value MIC_CA_FILE)") nginx=none
        gone]]
      assert.equal(0, status)
      assert.equal("3 gone\n", output)
    end)

    it("hands a signal on to it, and ends it when killed itself", function()
      for _, signal in ipairs { "TERM", "KILL" } do
        local output = script(([[
          sandbox/start -- sh -c '
            echo "MIC_CA_FILE=$MIC_CA_FILE" >"$1"
            echo $$ >>"$1"
            echo MIC_MANIFEST_URL= >>"$1"
            exec sleep 600' x "$out" >/dev/null 2>&1 &
          pid=$!
          until grep -q '^MIC_MANIFEST_URL=' "$out"; do sleep 0.01; done
          folder=$(dirname "$(value MIC_CA_FILE)") nginx=$(sed -n 2p "$out")
          kill -0 $nginx || echo "not running"
          kill -%s $pid
          wait $pid 2>/dev/null
          printf '%%s ' $?
          gone]]):format(signal))
        assert.equal((signal == "TERM" and "143" or "137") .. " gone\n", output)
      end
    end)
  end)

  it("says in one line what is wrong with its arguments", function()
    for arguments, message in pairs {
      ["--nope"] = "sandbox: unknown argument '--nope'\n",
      ["--"] = "sandbox: no command after --\n",
      ["--watch-stdin --"] = "sandbox: --watch-stdin takes no other arguments\n",
    } do
      local output, status = shell.run("sandbox/start " .. arguments .. " 2>&1")
      assert.equal(2, status)
      assert.equal(message, output:match "^[^\n]*\n")
    end
  end)

  --- Runs commands with a folder of fake programs as the only PATH.
  local function with_programs(text)
    return shell.run([[
      dir=$(mktemp -d)
      trap 'rm -rf "$dir"' EXIT
      fake() { cat >"$dir/$1"; chmod +x "$dir/$1"; }
      use() { for name in "$@"; do ln -s "$(command -v $name)" "$dir/$name"; done; }
      use dirname sed grep
    ]] .. text)
  end

  it("names what is missing, and how to get it", function()
    local output = with_programs [[
      mkdir -p "$dir/mic/sandbox" "$dir/tree/sandbox"
      : >"$dir/tree/Makefile"
      for place in mic tree; do # an OpenResty of this machine is not to be found
        sed 's|/usr/local/openresty|/nowhere|' sandbox/start >"$dir/$place/sandbox/start"
      done
      PATH=$dir /bin/sh "$dir/tree/sandbox/start" 2>&1
      printf '%s\n' $?
      PATH=$dir /bin/sh "$dir/mic/sandbox/start" 2>&1
      printf '#!/bin/sh\n' | fake openssl
      printf '#!/bin/sh\necho "--modules-path=/nowhere --add-module=/x/echo" >&2\n' | fake nginx
      PATH=$dir /bin/sh "$dir/tree/sandbox/start" 2>&1
      printf '%s\n' $?]]
    local function message(thing, also)
      return "sandbox: " .. thing .. " is missing. Debian and Ubuntu: apt-get install openssl "
        .. "nginx libnginx-mod-http-lua lua-cjson" .. also
        .. "; elsewhere: openssl, and OpenResty (openresty.org) as nginx\n"
    end
    assert.equal(message("openssl", ", or make deps") .. "2\n" .. message("openssl", "")
      .. message("nginx's Lua module", ", or make deps") .. "2\n", output)
  end)

  it("takes an nginx with the module built in, such as OpenResty's", function()
    -- This one says so, and loads the module itself when its configuration does not.
    local output = with_programs(([[
      echo 'echo "--modules-path=/nowhere" >&2' | fake nginx
      fake openresty <<END
      #!/bin/sh
      case \$1 in -V) echo "configure arguments: --add-module=../ngx_lua-0.10.26"; exit ;; esac
      grep -q load_module "\$4" && exit 1
      exec %s "\$@" -g "%s"
END
      PATH=$dir:$PATH sandbox/start -- sh -c 'echo $MIC_USERNAME' 2>&1]]):format(nginx_program.path,
      nginx_program.load))
    assert.equal("demo\n", output)
  end)

  it("tries other ports when one is taken", function()
    local box = support.start()
    -- The first random numbers lead to the ports of the running one, later ones are real.
    local output, status = shell.run(([[
      dir=$(mktemp -d)
      trap 'rm -rf "$dir"' EXIT
      cat >"$dir/od" <<'END'
#!/bin/sh
case "$*" in *tu2*) ;; *) exec %s "$@" ;; esac
echo >>"$0.count"
if [ $(wc -l <"$0.count") -le 2 ]; then echo $((%s - 20000)); else exec %s "$@"; fi
END
      chmod +x "$dir/od"
      PATH=$dir:$PATH sandbox/start -- sh -c 'echo "$MIC_BASE_URL"'
      wc -l <"$dir/od.count"]]):format("/usr/bin/od", box.base_url:match ":(%d+)/", "/usr/bin/od"))
    assert.equal(0, status)
    local url, count = output:match "^(%S+)\n(%d+)\n$"
    assert.is_truthy(url, output)
    assert.not_equal(box.base_url, url)
    assert.is_true(tonumber(count) >= 4)
  end)

  it("runs from any folder", function()
    local output, status = shell.run('start=$PWD/sandbox/start; cd / && "$start" -- echo here')
    assert.equal("here\n", output)
    assert.equal(0, status)
  end)

  it("starts where LUA_PATH and LUA_CPATH lead to modules for another Lua than nginx's", function()
    local output, status = shell.run([[
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo "not for LuaJIT" | tee "$folder/cjson.so" >"$folder/resty.lua"
export LUA_PATH="$folder/?.lua;;" LUA_CPATH="$folder/?.so;;"
sandbox/start -- sh -c 'echo "${LUA_CPATH##*/}"'
]])
    assert.equal("?.so;;\n", output)
    assert.equal(0, status)
  end)
end)
