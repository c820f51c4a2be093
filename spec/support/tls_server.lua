--- TLS servers with certificates of all kinds, by the openssl command.

local cleanup = require "spec.support.cleanup"
local clock = require "spec.support.clock"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local tls_server = {}

local played = 0 -- number of the last server of `play`

--- Makes: ca.pem, and NAME.pem with NAME.key of good, elsewhere (another host's),
--- expired, future (not valid before 2049) and client; ca.pem has signed them all.
local MAKE = [[
cd %s
key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
cat > openssl.cnf <<'END'
[req]
distinguished_name = name
prompt = no
[name]
CN = a test CA of $ENV::PWD
[ca]
basicConstraints = critical,CA:TRUE
subjectKeyIdentifier = hash
[good]
subjectAltName = DNS:localhost,IP:127.0.0.1
[elsewhere]
subjectAltName = DNS:elsewhere.example
[authority]
default_ca = authority
database = index.txt
new_certs_dir = .
default_md = sha256
policy = policy
rand_serial = yes
copy_extensions = copy
[policy]
commonName = supplied
END
: > index.txt
openssl req -x509 $key -config openssl.cnf -extensions ca -days 30 -keyout ca.key -out ca.pem
make() {
  openssl req -new $key -config openssl.cnf -subj "/CN=$1" -reqexts "$2" -keyout $1.key -out $1.csr
  openssl ca -batch -notext -config openssl.cnf -name authority -cert ca.pem -keyfile ca.key \
    -startdate $3 -enddate $4 -in $1.csr -out $1.pem
}
make good good 20200101000000Z 20491231235959Z
make elsewhere elsewhere 20200101000000Z 20491231235959Z
make expired good 20200101000000Z 20210101000000Z
make future good 20490101000000Z 20491231235959Z
make client good 20200101000000Z 20491231235959Z
]]

--- Makes a scratch folder with certificates.
---@return table folder
function tls_server.folder()
  local folder = scratch.folder()
  shell.check(MAKE:format(shell.quote(folder.path)))
  return folder
end

local function wait_for_port(folder, name)
  local port
  clock.eventually(function()
    port = (folder:read(name) or ""):match "ACCEPT [^\n]*:(%d+)"
    return port
  end)
  return port or error("openssl s_server did not start: " .. tostring(folder:read(name)))
end

--- Starts a server that answers every GET with 200; it ends with the test or the block.
---@param folder table with the certificates
---@param name string whose certificate it shows
---@param options? string further ones of `openssl s_server`
---@return table server url, `stop()`
function tls_server.start(folder, name, options)
  local command = ("cd %s; openssl s_server -accept 127.0.0.1:0 -cert %s.pem -key %s.key -www %s"
    .. " </dev/null >printed 2>&1 & cat >/dev/null; kill $!"):format(
    shell.quote(folder.path), name, name, options or "")
  folder:write("printed", "")
  local input = assert(io.popen(command, "w"))
  local server = { url = "https://localhost:" .. wait_for_port(folder, "printed") }

  server.stop = cleanup.call(function()
    input:close()
  end)

  return server
end

local SOCKET = "^%s*%d+: %x+:(%x+) %x+:%x+ (%x+) %x+:%x+ %x+:%x+ %x+ +%d+ +%d+ (%d+) "
local LISTENS = "0A"

--- Waits until the process listens whose id is in a file; returns its port. With these options
--- s_server does not print the one that the system has given it.
local function port_of(folder, name)
  local port
  local function look()
    local pid = (folder:read(name) or ""):match "%d+\n"
    local held = pid and shell.run("ls -l /proc/" .. pid:sub(1, -2) .. "/fd 2>&1") or ""
    for line in io.lines "/proc/net/tcp" do
      local number, state, inode = line:match(SOCKET)
      if state == LISTENS and held:find(("socket:[%s]"):format(inode), 1, true) then
        port = tonumber(number, 16)
      end
    end
    return port
  end
  assert(clock.eventually(look), "openssl s_server does not listen")
  return port
end

--- What a proxy does with the bytes of its one connection.
local RELAY = [[
while IFS= read -r line; do
  line=${line%$'\r'}
  echo "$line" >>asked
  [ -n "$line" ] || break
  case $line in CONNECT*) host=${line#CONNECT } host=${host%% *} ;; esac
done
[ -n "$host" ] && exec 3<>"/dev/tcp/${host%:*}/${host##*:}" || exit 0
printf 'HTTP/1.1 200 Connection established\r\n\r\n'
cat <&3 2>/dev/null &
exec cat >&3 2>/dev/null
]]

--- Starts a proxy that speaks TLS and serves one connection.
---@param folder table with the certificates
---@param name string whose certificate it shows
---@param options? string further ones of `openssl s_server`
---@return table proxy url, `asked()` (the head of the request to connect), `stop()`
function tls_server.proxy(folder, name, options)
  folder:write("relay", RELAY)
  folder:write("asked", "")
  folder:write("proxy.pid", "")
  local command = ("cd %s; rm -f to from; mkfifo to from; bash relay >to <from & openssl s_server"
    .. " -quiet -naccept 1 -accept 127.0.0.1:0 -cert %s.pem -key %s.key %s <to >from 2>proxied &"
    .. " echo $! >proxy.pid; cat >/dev/null; kill $! 2>/dev/null"):format(shell.quote(folder.path),
    name, name, options or "")
  local input = assert(io.popen(command, "w"))
  local proxy = { url = "https://localhost:" .. port_of(folder, "proxy.pid") }

  function proxy.asked()
    return folder:read "asked"
  end

  proxy.stop = cleanup.call(function()
    input:close()
  end)

  return proxy
end

--- The player ends with the server, and when it ends by itself the server does.
local PLAY = [[
cd FOLDER && mkfifo NUMBER.in NUMBER.out || exit
openssl s_server -quiet -accept 127.0.0.1:0 -cert good.pem -key good.key -alpn h2 \
  >NUMBER.out <NUMBER.in 2>NUMBER.err &
server=$!
echo $server >NUMBER.pid
{ LUA PLAYER NUMBER.log WORDS <NUMBER.out >NUMBER.in; kill $server 2>/dev/null; } &
cat >/dev/null
kill $server 2>/dev/null
]]

--- Starts a server that speaks HTTP/2 and does to each request what the next word says: see
--- spec/support/h2_player.lua.
---@param folder table with the certificates
---@param words string
---@return table server url, `acts()` (the words so far, each with a space behind it), `stop()`
function tls_server.play(folder, words)
  played = played + 1
  local number = tostring(played)
  local player = shell.folder() .. "/spec/support/h2_player.lua"
  local command = PLAY:gsub("%u%u%u+", {
    FOLDER = shell.quote(folder.path),
    NUMBER = number,
    LUA = shell.lua,
    PLAYER = shell.quote(player),
    WORDS = words,
  })
  folder:write(number .. ".log", "")
  local input = assert(io.popen(command, "w"))
  local server = { url = ("https://localhost:%d/prod"):format(port_of(folder, number .. ".pid")) }

  function server.acts()
    return (folder:read(number .. ".log"):gsub("\n", " "))
  end

  server.stop = cleanup.call(function()
    input:close()
  end)

  return server
end

return tls_server
