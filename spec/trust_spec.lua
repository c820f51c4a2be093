-- TLS trust: the certificates named by the user replace the system's with every libcurl; a
-- certificate file is read again after an hour; a proxy is verified like the server.

local libcurl = require "spec.support.libcurl"
local native = require "spec.support.native"
local shell = require "spec.support.shell"
local tls_server = require "spec.support.tls_server"
local tree = require "spec.support.tree"

--- Each transport drives libcurl in its own way: in the caller's thread, or in one of its own.
local TRANSPORTS = { "blocking", "cqueues" }

--- What stands before each child program: `run(main)` in a task where the transport wants one, and
--- `get(what, client)`, which prints the status or libcurl's code.
local PRELUDE = [[
local mic = require "mic"
local TRANSPORT = %q
local function run(main)
  if TRANSPORT == "blocking" then
    return main()
  end
  local loop = require("cqueues").new()
  loop:wrap(main)
  assert(loop:loop())
end
local function new(url, tls, proxy, timeout)
  return mic.new { base_url = url, api_key = "k", retry = false, tls = tls, proxy = proxy or "",
    timeout = timeout, transport = TRANSPORT }
end
local function get(what, client)
  local response, err = client:get("/", { auth = false })
  print(what, response and response.status or err.code)
end
]]

--- Trust in a folder alone needs a blob from 8.21 on. libcurl has these from 7.77 on, with GnuTLS
--- from 8.18 on, so that no released libcurl lacks them then.
local function folder_alone(code)
  local lacks = libcurl.before(7, 77) or libcurl.tls == "GnuTLS" and libcurl.before(8, 18)
  return lacks and "CURLE_NOT_BUILT_IN" or code
end

describe("trust", function()
  local folder, other = tls_server.folder(), tls_server.folder()

  setup(function()
    for _, each in ipairs { folder, other } do
      shell.check(("mkdir %s && cp %s %s && openssl rehash %s"):format(each:at "hashed",
        each:at "ca.pem", each:at "hashed/ca.pem", each:at "hashed"))
    end
    folder:write("both.pem", folder:read "ca.pem" .. other:read "ca.pem")
  end)

  --- What the program printed, a line each; `preloaded` is one of spec/c.
  local function child(transport, text, preloaded, variables)
    local library = native.build(preloaded)
    local printed = folder:lua(PRELUDE:format(transport) .. text,
      ("env LD_PRELOAD=%s MIC_PRELOAD=%s %s"):format(library, library, variables))
    return printed
  end

  for _, transport in ipairs(TRANSPORTS) do
    it("in what the user names replaces the system's where NULL means libcurl's own default, by "
      .. transport, function()
        local server = tls_server.start(folder, "good")
        local printed = child(transport, ([[
          local URL, OWN, SYSTEM = %q, %q, %q
          run(function()
            get("own file", new(URL, { ca_file = OWN .. "/ca.pem" }))
            get("own folder", new(URL, { ca_path = OWN .. "/hashed" }))
            get("own both", new(URL, { ca_file = OWN .. "/ca.pem", ca_path = OWN .. "/hashed" }))
            get("none", new(URL))
            get("right file", new(URL, { ca_file = SYSTEM .. "/ca.pem" }))
            get("right folder", new(URL, { ca_path = SYSTEM .. "/hashed" }))
          end)
        ]]):format(server.url, other.path, folder.path), "null_is_default",
          ("TRUSTED_FILE=%s TRUSTED_FOLDER=%s"):format(folder:at "ca.pem", folder:at "hashed"))
        server.stop()
        assert.are.equal(table.concat({
          "own file\tCURLE_PEER_FAILED_VERIFICATION",
          "own folder\t" .. folder_alone "CURLE_PEER_FAILED_VERIFICATION",
          "own both\tCURLE_PEER_FAILED_VERIFICATION",
          "none\t200",
          "right file\t200",
          "right folder\t" .. folder_alone "200",
          "",
        }, "\n"), printed)
      end)

    for _, version in ipairs { "1.2", libcurl.has_tls13 and "1.3" or nil } do
      it(("in an authority that was taken out of ca_file ends within an hour, by %s over TLS %s")
        :format(transport, version), function()
          local server = tls_server.start(folder, "good",
            version == "1.2" and "-tls1_2" or "-tls1_3")
          local ca, minutes = folder:at "changing.pem", folder:at "minutes"
          shell.check(("cp %s %s; : > %s"):format(folder:at "ca.pem", ca, minutes))
          -- The server closes each connection, and gives with each a session to resume.
          local printed = child(transport, ([[
            local client = new(%q, { ca_file = %q })
            local function later(count)
              local clock = io.open(%q, "a")
              clock:write(("."):rep(count))
              clock:close()
            end
            run(function()
              get("there", client)
              os.execute("cp %s %s")
              for _ = 1, 3 do
                later(19)
                client:get("/", { auth = false })
              end
              later(3)
              get("taken out", client)
              os.execute("cp %s %s")
              later(60)
              get("there again", client)
            end)
          ]]):format(server.url, ca, minutes, other:at "ca.pem", ca, folder:at "ca.pem", ca),
            "later", "LATER=" .. minutes)
          server.stop()
          assert.are.equal("there\t200\ntaken out\tCURLE_PEER_FAILED_VERIFICATION\n"
            .. "there again\t200\n", printed)
        end)
    end
  end

  it("in no authority is trust in one whose key cannot be known: part of it is a digest", function()
    local pem = tree.read("src/core/transfer/trust.c"):match "no_authority_certificate%[%] =(.-);\n"
    folder:write("no_authority.pem", (pem:gsub('[%s]*"([^"\n]*)\\n"', "%1\n")))
    assert.are.equal(shell.check "printf 'lua-mic: no authority 1' | sha256sum | cut -c 1-64",
      shell.check(("openssl x509 -in %s -noout -pubkey | openssl pkey -pubin -outform der"
        .. " | tail -c 64 | head -c 32 | od -An -v -tx1 | tr -d ' \\n'; echo"):format(
        folder:at "no_authority.pem")))
  end)

  describe("in a proxy that speaks TLS", function()
    --- With GnuTLS this libcurl may wait for bytes of the server that the proxy's TLS session has
    --- read already: it has asked a proxy that it trusts, and the server's answer may not come.
    local OVERLOOKS = libcurl.tls == "GnuTLS" and libcurl.before(8, 21)

    --- One GET through a proxy of `folder` to a server of `other`; the status or libcurl's code,
    --- and what the proxy was asked. To a libcurl of 8.21 the proxy's authority is the system's.
    local function get_through(transport, proxy_options, tls, server_options)
      local proxy = tls_server.proxy(folder, "good", proxy_options)
      local server = tls_server.start(other, "good", server_options)
      local printed = child(transport, ([[
        local client = new(%q, %s, %q, %d)
        run(function()
          local response, err = client:get("/", { auth = false })
          print(response and response.status or err.code .. ": " .. err.message)
        end)
      ]]):format(server.url, tls, proxy.url, OVERLOOKS and 2 or 30), "null_is_default",
        ("TRUSTED_FILE=%s TRUSTED_FOLDER=%s"):format(folder:at "ca.pem", folder:at "hashed"))
      local asked = proxy.asked():match "^%u+ [^:]*" or "nothing"
      proxy.stop()
      server.stop()
      return printed:gsub("\n$", "") .. ", asked " .. asked
    end

    local function assert_passes(outcome)
      if OVERLOOKS then
        outcome = outcome:gsub("^CURLE_OPERATION_TIMEDOUT: [^,]*", "200")
      end
      assert.are.equal("200, asked CONNECT localhost", outcome)
    end

    for _, transport in ipairs(TRANSPORTS) do
      it("is no other than in the server, by " .. transport, function()
        local both = folder:at "both.pem"
        local function trusting(file, more)
          return ("{ ca_file = %q, %s }"):format(file, more or "")
        end
        assert_passes(get_through(transport, "", trusting(both)))
        assert.are.equal("CURLE_PEER_FAILED_VERIFICATION: " .. (libcurl.tells_why
          and "the proxy's certificate could not be verified"
          or libcurl.unverified[1]) .. ", asked nothing",
          get_through(transport, "", trusting(other:at "ca.pem")))
        local failed = "CURLE_SSL_CONNECT_ERROR: the TLS handshake failed, asked nothing"
        local with_13 = get_through(transport, "-tls1_3", trusting(both, 'min_version = "1.3"'))
        if libcurl.has_tls13 then
          assert_passes(with_13)
        else
          assert.are.equal(failed, with_13)
        end
        assert.are.equal(failed,
          get_through(transport, "-tls1_2", trusting(both, 'min_version = "1.3"')))
      end)
    end

    it("shows it no client certificate, which is for the server", function()
      local tls = ("{ ca_file = %q, client_cert = %q, client_key = %q }"):format(
        folder:at "both.pem", other:at "client.pem", other:at "client.key")
      local wants = "-tls1_2 -verify_return_error -Verify 1 -CAfile " .. other:at "ca.pem"
      assert_passes(get_through("blocking", "", tls, wants))
      assert.is_truthy(get_through("blocking", wants, tls, wants):find ", asked nothing$")
    end)
  end)
end)
