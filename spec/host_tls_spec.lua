-- A program linked with another OpenSSL than libcurl.

local libcurl = require "spec.support.libcurl"
local native = require "spec.support.native"
local shell = require "spec.support.shell"

--- The dynamic linker searches a preloaded library as it would search the program.
local function load_core(preloaded)
  local command = "LD_PRELOAD='%s' MIC_PRELOAD='%s' %s "
    .. "-e 'print(pcall(require, \"mic.core\"))' 2>&1"
  return shell.run(command:format(preloaded, preloaded, shell.lua))
end

describe("a program with an OpenSSL of its own", function()
  for library, what in pairs { old_openssl = "another version", old_crypto = "no version" } do
    it("of " .. what .. " gets an error with the remedy when it loads the module", function()
      local output = load_core(native.build(library))
      local message = "this program contains OpenSSL 1.1, which replaces "
        .. "the OpenSSL 3 that libcurl was built for: use a build that loads OpenSSL as a shared "
        .. "library"
      if libcurl.tls == "OpenSSL" then
        assert.is_truthy(output:find(message, 1, true), output)
      else -- another TLS library calls nothing of OpenSSL
        assert.is_truthy(output:find "^true", output)
      end
    end)
  end

  it("is not detected if OpenSSL is a shared library", function()
    assert.is_truthy((load_core ""):find "^true")
  end)
end)
