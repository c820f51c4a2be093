--- The libcurl of the module, for specs of what its versions and TLS libraries do differently.

local libcurl = {}

local features = require("mic.core").features()

--- "OpenSSL", "GnuTLS", "mbedTLS", "wolfSSL" …
libcurl.tls = features.tls:match "^[^/]+"

--- False for mbedTLS before 3.
libcurl.has_tls13 = not features.tls:find "^mbedTLS/[12]%."

--- True if CURLINFO_SSL_VERIFYRESULT tells why a certificate is not accepted: see its manual page.
libcurl.tells_why = libcurl.tls == "OpenSSL" or libcurl.tls == "GnuTLS"

--- Message and hint for a certificate of an unknown authority.
libcurl.unverified = libcurl.tells_why
  and { "the server's certificate could not be verified",
    "for your own certificate authority, name its certificate in tls.ca_file" }
  or { "a certificate could not be verified; libcurl reports no reason",
    "check its host name and dates, and that tls.ca_file has its authority" }

--- True if it is older than this version.
---@param major integer
---@param minor integer
---@param patch? integer
function libcurl.before(major, minor, patch)
  local own = { features.libcurl:match "^(%d+)%.(%d+)%.(%d+)" }
  for index, wanted in ipairs { major, minor, patch or 0 } do
    local number = tonumber(own[index])
    if number ~= wanted then
      return number < wanted
    end
  end
  return false
end

return libcurl
