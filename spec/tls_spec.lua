local api = require "spec.support.api"
local faults = require "spec.support.faults"
local libcurl = require "spec.support.libcurl"
local mic = require "mic"
local native = require "spec.support.native"
local shell = require "spec.support.shell"
local tls_server = require "spec.support.tls_server"

--- A name too long for any DNS, so that none is asked.
local NOWHERE = ("x"):rep(64) .. ".example"

--- The code for a certificate and a key that do not fit. To GnuTLS that is a failed handshake; nil:
--- mbedTLS and wolfSSL do not compare the two.
local UNFIT = ({
  OpenSSL = "CURLE_SSL_CERTPROBLEM",
  GnuTLS = "CURLE_SSL_CONNECT_ERROR",
})[libcurl.tls]

--- The outcome for a certificate without a key, of a server that asks for none.
local KEYLESS = ({ OpenSSL = "tls CURLE_SSL_CERTPROBLEM\tnil", mbedTLS = "200\tnew" })[libcurl.tls]
  or "tls CURLE_SSL_CONNECT_ERROR\tnil"

local NO_TLS13 = not libcurl.has_tls13 and "CURLE_SSL_CONNECT_ERROR"

describe("TLS", function()
  local box = api.around()
  local folder = tls_server.folder()

  --- One GET of the sandbox with these options of tls.
  local function get(tls, options)
    options = options or {}
    options.tls = tls
    local client = box:client(options)
    box:answer { path = "/x", body = "{}" }
    local response, err = client:get("/x", { auth = false, retry = false })
    client:close()
    return response, err
  end

  --- One GET of a server of this certificate.
  local function get_from(name, tls, server_options)
    local server = tls_server.start(folder, name, server_options)
    tls = tls or {}
    tls.ca_file = folder:at "ca.pem"
    local client = mic.new { base_url = server.url, api_key = "k", tls = tls, retry = false }
    local response, err = client:get("/", { auth = false })
    client:close()
    server.stop()
    return response, err
  end

  local function assert_fails(code, response, err)
    assert.is_nil(response)
    assert.are.equal("tls", err.kind, tostring(err))
    if code then
      assert.are.equal(code, err.code)
    end
    assert.is_falsy(err.retryable)
    assert.is_nil(err.status)
    return err
  end

  local function pin_of(certificate)
    return "sha256//" .. shell.check(("openssl x509 -in %s -noout -pubkey"
      .. " | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary"
      .. " | base64 -w 0"):format(certificate))
  end

  it("trusts a CA file, and a folder made by openssl rehash", function()
    mic.assert(get { ca_file = box.ca_file })
    shell.check(("mkdir %s && cp %s %s && openssl rehash %s"):format(folder:at "hashed",
      box.ca_file, folder:at "hashed/ca.pem", folder:at "hashed"))
    mic.assert(get { ca_path = folder:at "hashed" })
    mic.assert(get { ca_path = folder:at "hashed", ca_file = folder:at "ca.pem" })
  end)

  it("does not trust an unknown CA, and hints at tls.ca_file", function()
    for _, tls in ipairs { {}, { ca_file = folder:at "ca.pem" }, { ca_path = folder.path } } do
      local err = assert_fails("CURLE_PEER_FAILED_VERIFICATION", get(tls))
      assert.is_truthy(err.hint:find("tls.ca_file", 1, true))
    end
    assert.are.equal("", box:seen())
  end)

  it("takes own trust instead of the system's, not beside it", function()
    local err = assert_fails("CURLE_PEER_FAILED_VERIFICATION", get { ca_file = folder:at "ca.pem" })
    assert.are.equal(1, err.attempts)
  end)

  it("is an error, not a raise, when a file is not there", function()
    local err = assert_fails("CURLE_SSL_CACERT_BADFILE", get { ca_file = folder:at "missing" })
    assert.is_truthy(err.message:find("tls.ca_file", 1, true))
    assert_fails(nil, get { ca_path = folder:at "missing" })
    local ca = box.ca_file
    assert_fails("CURLE_SSL_CERTPROBLEM", get { ca_file = ca, client_cert = folder:at "missing" })
    assert_fails("CURLE_SSL_CERTPROBLEM", get {
      ca_file = ca,
      client_cert = folder:at "client.pem",
      client_key = folder:at "missing",
    })
    folder:write("garbage", "no certificate")
    assert_fails("CURLE_SSL_CACERT_BADFILE", get { ca_file = folder:at "garbage" })
    assert.are.equal("", box:seen())
    local unfit = {
      ca_file = ca,
      client_cert = folder:at "client.pem",
      client_key = folder:at "good.key",
    }
    if UNFIT then
      assert_fails(UNFIT, get(unfit))
    else
      assert.are.equal(200, mic.assert(get(unfit)).status)
    end
  end)

  it("names the option, the path and the reason when a file cannot be used", function()
    local ca, missing, garbage = box.ca_file, folder:at "missing", folder:at "no_pem"
    folder:write("no_pem", "no certificate")
    local gone, no_pem = "no such file or folder (ENOENT)", "not PEM"
    for _, case in ipairs {
      { "ca_file", missing, gone },
      { "ca_file", folder.path, "it is a folder (EISDIR)" },
      { "ca_file", garbage, no_pem },
      { "ca_path", missing, gone },
      { "ca_path", garbage, "a part of the path is not a folder (ENOTDIR)" },
      { "client_cert", missing, gone, { ca_file = ca } },
      { "client_cert", garbage, no_pem, { ca_file = ca } },
      { "client_key", missing, gone, { ca_file = ca, client_cert = folder:at "client.pem" } },
      { "client_key", garbage, no_pem, { ca_file = ca, client_cert = folder:at "client.pem" } },
      { "pinned_public_key", missing, gone, { ca_file = ca } },
      UNFIT and { "client_cert", folder:at "client.pem",
        "the certificate and its key cannot be used together",
        { ca_file = ca, client_key = folder:at "good.key" } },
    } do
      local option, path, reason, tls = case[1], case[2], case[3], case[4] or {}
      tls[option] = path
      local err = assert_fails(nil, get(tls))
      local expected = ('tls.%s "%s": %s'):format(option, path, reason)
      assert.are.equal(expected, err.message:sub(1, #expected))
    end
    local long = folder:at(("x"):rep(200))
    local err = assert_fails(nil, get { ca_file = long })
    assert.is_truthy(err.message:find('"' .. long:sub(1, 160) .. '...": ', 1, true))
  end)

  it("names the variable when the file of MIC_CA_FILE cannot be used", function()
    local printed = folder:lua([[
      local mic = require "mic"
      local _, err = mic.assert(mic.from_env { retry = false }):get("/x", { auth = false })
      io.write(err.kind, " ", err.message, " - ", err.hint)
    ]], "env MIC_BASE_URL=" .. box.base_url .. " MIC_API_KEY=k MIC_CA_FILE=/no/such.pem")
    assert.are.equal('tls MIC_CA_FILE "/no/such.pem": no such file or folder (ENOENT) - '
      .. "check tls.ca_file and tls.ca_path", printed)
  end)

  it("says what a certificate that is not valid yet means, and that a later try may do", function()
    local before = os.date "!%Y-%m-%d"
    local response, err = get_from "future"
    assert.is_nil(response)
    if not libcurl.tells_why then
      assert.are.same(libcurl.unverified, { err.message, err.hint })
      return
    end
    assert.are.same({ "tls", "CURLE_PEER_FAILED_VERIFICATION", true },
      { err.kind, err.code, err.retryable })
    local clock = err.message:match("^the server's certificate is not valid yet; this machine's "
      .. "clock says (%d+%-%d+%-%d+) %d+:%d+:%d+ UTC$")
    assert.is_true(clock == before or clock == os.date "!%Y-%m-%d", err.message)
    assert.are.equal("set this machine's clock, and try again", err.hint)
  end)

  it("says so with every TLS library on a machine whose clock is at its beginning", function()
    local server, shim = tls_server.start(folder, "good"), native.build "in_1970"
    local printed = folder:lua(([[
      local client = require("mic").new { base_url = %q, api_key = "k", retry = false,
        tls = { ca_file = %q } }
      local _, err = client:get("/x", { auth = false })
      io.write(err.message, " - ", err.hint, " - ", tostring(err.retryable))
    ]]):format(server.url, folder:at "ca.pem"),
      ("env LD_PRELOAD=%s MIC_PRELOAD=%s"):format(shim, shim))
    server.stop()
    assert.are.equal("the server's certificate is not valid yet; this machine's clock says "
      .. "1970-01-01 00:16:40 UTC - set this machine's clock, and try again - true", printed)
  end)

  it("names the TLS library when that does not support an option that is set", function()
    local shim = native.build "no_pinning"
    local printed = folder:lua(([[
      local mic = require "mic"
      local client = mic.new { base_url = %q, api_key = "k", retry = false,
        tls = { ca_file = %q, pinned_public_key = "sha256//AA==" } }
      local _, err = client:get("/x", { auth = false })
      io.write(err.kind, " ", (err.message:gsub(mic.features().tls, "NAME", 1)))
    ]]):format(box.base_url, box.ca_file), ("env LD_PRELOAD=%s MIC_PRELOAD=%s"):format(shim, shim))
    assert.are.equal("tls this libcurl's TLS library, NAME, does not support an option that is set",
      printed)
  end)

  it("refuses an expired certificate and one for another host", function()
    assert.are.equal(200, mic.assert(get_from "good").status)
    assert_fails("CURLE_PEER_FAILED_VERIFICATION", get_from "expired")
    assert_fails("CURLE_PEER_FAILED_VERIFICATION", get_from "elsewhere")
    local other_name = box.base_url:gsub("localhost", "other.localhost")
    local _, err = get({ ca_file = box.ca_file }, { base_url = other_name })
    -- Before 7.85 names below localhost are resolved like any other.
    local unknown = libcurl.before(7, 85) and err.code == "CURLE_COULDNT_RESOLVE_HOST"
    assert.are.equal(unknown and "network" or "tls", err.kind)
  end)

  it("shows a client certificate where the server wants one", function()
    local wants = "-tls1_2 -verify_return_error -Verify 1 -CAfile ca.pem"
    assert_fails(nil, get_from("good", {}, wants))
    local tls = { client_cert = folder:at "client.pem", client_key = folder:at "client.key" }
    assert.are.equal(200, mic.assert(get_from("good", tls, wants)).status)
  end)

  it("lends no client the connection of another client's key", function()
    local cqueues = require "cqueues"
    local function ask(key)
      local response, err = box:client {
        transport = "cqueues",
        tls = { ca_file = box.ca_file, client_cert = folder:at "client.pem", client_key = key },
      }:get("/", { auth = false })
      return response and response.new_connection or err.status or err.code
    end
    local told = {}
    local loop = cqueues.new()
    loop:wrap(function()
      told[1] = ask(folder:at "client.key")
      told[2] = ask(folder:at "ca.key")
      told[3] = ask(folder:at "client.key")
    end)
    assert(loop:loop())
    assert.are.same({ 403, UNFIT or 403, 403 }, told)
  end)

  it("does not prompt for the passphrase of a client's key", function()
    shell.check(("openssl pkey -in %s -aes128 -passout pass:secret -out %s"):format(
      folder:at "client.key", folder:at "locked.key"))
    local server = tls_server.start(folder, "good")
    local program = folder:write("locked.lua", ([[
      local client = require("mic").new { base_url = %q, api_key = "k", retry = false,
        tls = { ca_file = %q, client_cert = %q, client_key = %q } }
      print(client:get("/", { auth = false }))
    ]]):format(server.url, folder:at "ca.pem", folder:at "client.pem", folder:at "locked.key"))
    -- `script` gives it a terminal of its own, without input.
    local typed = folder:at "typed"
    local command = "mkfifo %s; timeout -k 1 4 script -qec '%s %s' /dev/null <>%s"
    local lua = shell.lua
    local printed = shell.check(command:format(typed, lua, program, typed))
    server.stop()
    local expected = ('nil\ttls: tls.client_key "%s": the key is encrypted, and a passphrase is '
      .. "not supported (GET /, CURLE_SSL_CERTPROBLEM) - remove it: openssl pkey -in KEY "
      .. "-out PLAIN"):format(folder:at "locked.key")
    assert.are.equal(expected, (printed:gsub("%s+$", "")))
  end)

  it("takes the pinned key and no other", function()
    local server = box.ca_file:gsub("ca.pem$", "server.pem")
    mic.assert(get { ca_file = box.ca_file, pinned_public_key = pin_of(server) })
    local wrong = pin_of(folder:at "good.pem")
    assert_fails("CURLE_SSL_PINNEDPUBKEYNOTMATCH",
      get { ca_file = box.ca_file, pinned_public_key = wrong })
    assert_fails("CURLE_SSL_PINNEDPUBKEYNOTMATCH",
      get { ca_file = box.ca_file, pinned_public_key = folder:at "missing" })
    mic.assert(get { ca_file = box.ca_file, pinned_public_key = wrong .. ";" .. pin_of(server) })
    assert_fails("CURLE_PEER_FAILED_VERIFICATION", get { pinned_public_key = pin_of(server) })
  end)

  it("does not lend a connection to a client with other options, in one engine", function()
    local PIN = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    local printed = folder:lua(([[
      local core = require "mic.core"
      local engine = assert(core.engine())
      local function get(options)
        options.base_url, options.api_key, options.engine = %q, "k", engine
        local client = core.client(options)
        local exchange = client:start("call", "GET", "/metadata/manifest", nil, true)
        while exchange:run(10) ~= "done" do end
        local status, kind, code = exchange:result()
        client:close()
        local is_new = status and select(4, core.unpack_answer(code))
        print(status or kind .. " " .. code, status and (is_new and "new" or "kept"))
      end
      local CA = %q
      get { ca_file = CA }
      get { ca_file = CA }
      get {}
      get { ca_file = CA, pinned_public_key = %q }
      get { ca_file = CA, client_cert = CA }
      get { ca_file = CA, proxy = "http://127.0.0.1:1" }
      get { ca_file = CA, min_version = "1.3" }
      get { ca_file = CA }
    ]]):format(box.base_url, box.ca_file, PIN))
    assert.are.equal(table.concat({
      "200\tnew",
      "200\tkept",
      "tls CURLE_PEER_FAILED_VERIFICATION\tnil",
      "tls CURLE_SSL_PINNEDPUBKEYNOTMATCH\tnil",
      KEYLESS,
      "network CURLE_COULDNT_CONNECT\tnil",
      NO_TLS13 and "tls " .. NO_TLS13 .. "\tnil" or "200\tnew",
      "200\tkept",
      "",
    }, "\n"), printed)
  end)

  it("speaks 1.2 at least, and 1.3 at least when told", function()
    local response, err = get { ca_file = box.ca_file, min_version = "1.3" }
    assert.are.equal(NO_TLS13 or 200, response and response.status or err.code)
    mic.assert(get_from("good", { min_version = "1.2" }, "-tls1_2"))
    assert_fails("CURLE_SSL_CONNECT_ERROR", get_from("good", { min_version = "1.3" }, "-tls1_2"))
    local old = "-tls1_1 -cipher ALL:@SECLEVEL=0"
    assert_fails("CURLE_SSL_CONNECT_ERROR", get_from("good", {}, old))
  end)

  it("has no switch that turns verification off", function()
    for _, name in ipairs { "verify", "insecure", "verify_peer", "verify_host", "skip_verify" } do
      for _, value in ipairs { true, false } do
        assert.is_false((pcall(get, { ca_file = box.ca_file, [name] = value })))
        assert.is_false((pcall(get, {}, { [name] = value })))
      end
    end
    local options = { base_url = box.base_url, api_key = "k" }
    for _, value in ipairs { false, true, "off" } do
      options.tls = value
      assert.is_false((pcall(mic.new, options)))
    end
    assert_fails("CURLE_PEER_FAILED_VERIFICATION", get({}, { allow_insecure = true }))
  end)

  it("chooses HTTP/2 by itself, and HTTP/1.1 when told", function()
    local tls = { ca_file = box.ca_file }
    assert.are.equal("2", mic.assert(get(tls)).http_version)
    assert.are.equal("2", mic.assert(get(tls, { http_version = "2" })).http_version)
    assert.are.equal("1.1", mic.assert(get(tls, { http_version = "1.1" })).http_version)
  end)

  describe("and proxies:", function()
    local proxy

    --- Starts a proxy that answers like this, and gives its URL.
    local function start(script)
      proxy = faults.start(script)
      return (proxy.url:gsub("/prod$", ""))
    end

    local REFUSING = "read\nsend HTTP/1.1 403 No\\r\\nContent-Length: 2\\r\\n\\r\\nno"

    --- One GET in a child process with these variables; what it printed.
    local function child(variables, base_url, options)
      return folder:lua(([[
        local client = require("mic").new {
          base_url = %q, api_key = "k", retry = false, tls = { ca_file = %q }, %s
        }
        local response, err = client:get("/x", { auth = false })
        print(response and response.status or err.kind)
      ]]):format(base_url, box.ca_file, options or ""), "env " .. variables)
    end

    it("https goes through the one of the option, which may refuse", function()
      local url = start(REFUSING)
      local response, err = get({ ca_file = box.ca_file }, { proxy = url })
      assert.is_nil(response)
      assert.are.equal("network", err.kind)
      assert.is_nil(err.status)
      assert.are.equal("network: the proxy refused: status 403 (GET /x, CURLE_RECV_ERROR) - "
        .. "check the proxy's address, user name and password", tostring(err))
      local host = box.base_url:match "//([^/]+)"
      assert.are.same({ "CONNECT " .. host .. " HTTP/1.1" }, proxy.requests())
      assert.are.equal("host user-agent proxy-connection", proxy.header_names())
      proxy.stop()
      response, err = get({ ca_file = box.ca_file }, { proxy = url })
      assert.is_nil(response)
      assert.are.equal("network", err.kind)
      response, err = get({ ca_file = box.ca_file }, { proxy = "http://anna:hunter2@" .. NOWHERE })
      assert.is_nil(response)
      assert.are.equal("network: the proxy's name could not be resolved (GET /x, "
        .. "CURLE_COULDNT_RESOLVE_PROXY) - check the option proxy, or the variable https_proxy; "
        .. "write @ in a password as %40",
        tostring(err))
      start(REFUSING)
    end)

    it("https goes through the one of the variables, not of no_proxy, not with an empty option",
      function()
        local url = start(REFUSING)
        for _, name in ipairs { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" } do
          assert.are.equal("network\n", child(name .. "=" .. url, box.base_url))
          box:answer { path = "/x", body = "{}" }
          local both = name .. "=" .. url .. " no_proxy=localhost"
          assert.are.equal("200\n", child(both, box.base_url))
          box:answer { path = "/x", body = "{}" }
          assert.are.equal("200\n", child(name .. "=" .. url, box.base_url, 'proxy = ""'))
        end
        assert.are.equal(4, #proxy.requests())
        assert.are.equal(("host user-agent proxy-connection "):rep(4), proxy.header_names() .. " ")
      end)

    it("plain http to loopback goes through none", function()
      local url = start(REFUSING)
      local server = faults.start "read\nsend HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}"
      for _, name in ipairs { "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY" } do
        assert.are.equal("200\n", child(name .. "=" .. url, server.url))
      end
      assert.are.same({}, proxy.requests())
      assert.are.equal(4, #server.requests())
      server.stop()
    end)
  end)

  it("reads no .netrc, no .curlrc and no CURL_CA_BUNDLE", function()
    folder:write(".netrc", "machine localhost login anna password hunter2\n")
    folder:write(".curlrc", "insecure\nproxy = http://127.0.0.1:1\nuser = anna:hunter2\n")
    local text = ([[
      local client = require("mic").new { base_url = %q, api_key = "k", retry = false, %s }
      local response, err = client:get("/x", { auth = false })
      print(response and response.status or err.kind)
    ]])
    local home = "env HOME=" .. folder.path .. " CURL_HOME=" .. folder.path
    local tls = ("tls = { ca_file = %q }"):format(box.ca_file)
    box:answer { path = "/x", body = "{}" }
    assert.are.equal("200\n", folder:lua(text:format(box.base_url, tls), home))
    assert.is_false(box:log()[1].authorization)
    for _, name in ipairs { "CURL_CA_BUNDLE", "SSL_CERT_FILE" } do
      local printed = folder:lua(text:format(box.base_url, ""), ("env %s=%s"):format(name,
        box.ca_file))
      assert.are.equal("tls\n", printed)
    end
  end)
end)
