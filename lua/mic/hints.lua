--- Hints for the usual causes of errors.

local mic = require "mic.profile.mic"

local hints = {}

--- Field names of the API's error bodies, and what ends a message and is cut off.
hints.members, hints.digest = mic.error_members, mic.error_digest

--- Each rule is a line of conditions and a line with the hint. The first rule applies whose
--- conditions all hold: `text=…` occurs in the message, `keyless=true` requires an answer of the
--- gateway (those of the application carry a message key), and the others equal the fact of that
--- name. The API's own come first. One text, read at the first error, because most programs meet
--- none.
local rules = [[
status=401; fresh_token=true
  this user may not do that, the credentials are for another API, or profile.expired lacks this
kind=tls; text=is for another host name
  base_url must use the name that the certificate is for
kind=tls; text=is not valid yet
  set this machine's clock, and try again
kind=tls; text=has no certificate authorities
  or name a file of authorities in tls.ca_file
kind=tls; text=a passphrase is not supported
  remove it: openssl pkey -in KEY -out PLAIN
kind=tls; text=tls.client_
  check the path, and that this user may read it
kind=tls; text=tls.ca_path "
  check tls.ca_file and tls.ca_path
kind=tls; text=libcurl reports no reason
  check its host name and dates, and that tls.ca_file has its authority
kind=tls; text=has expired
  renew it, or check this machine's clock
kind=tls; code=CURLE_PEER_FAILED_VERIFICATION
  for your own certificate authority, name its certificate in tls.ca_file
kind=tls; code=CURLE_SSL_CACERT_BADFILE
  check tls.ca_file and tls.ca_path
kind=tls; code=CURLE_SSL_CONNECT_ERROR
  check the URL's host and port; the server must use TLS
kind=too_large; text=larger than allowed
  raise max_response_size, or use save_to or on_data
kind=too_large; text=more JSON values than allowed
  request less, or raise max_response_size (one value per 16 bytes)
kind=network; text=too many open files
  close some, or raise the limit (ulimit -n)
kind=file; text=too many open files
  close some, or raise the limit (ulimit -n)
kind=file; code=EBUSY
  mount its folder, not the file
kind=network; code=CURLE_COULDNT_RESOLVE_HOST
  check the URL's host name, and this machine's DNS
kind=network; code=CURLE_COULDNT_CONNECT
  check the URL's host and port, and the proxy if there is one
kind=network; text=the proxy refused
  check the proxy's address, user name and password
kind=network; code=CURLE_COULDNT_RESOLVE_PROXY
  check the option proxy, or the variable https_proxy; write @ in a password as %40
missing=true; no_login=token
  pass a token to client:use_credentials
missing=true; no_login=options
  make the client with %s
kind=auth; text=expired, and there is no refresh token
  pass a refresh_token to use_credentials too, or call client:login()
missing=true
  call client:login(), or make the client with %s
]]

--- The rules as a list: each a hint, and the conditions, name and value in turn.
local list

local function read_rules()
  local read = {}
  for conditions, hint in (mic.error_hints .. rules):gmatch "(%S[^\n]*)\n  ([^\n]*)\n" do
    local rule = { hint = hint }
    for name, value in conditions:gmatch "([%w_]+)=([^;]+)" do
      rule[#rule + 1] = name
      rule[#rule + 1] = value == "true" or tonumber(value) or value
    end
    read[#read + 1] = rule
  end
  return read
end

local function holds(name, value, facts)
  if name == "text" then
    return type(facts.message) == "string" and facts.message:find(value, 1, true) ~= nil
  elseif name == "keyless" then
    return facts.key == nil
  end
  return facts[name] == value
end

local function fits(rule, facts)
  for index = 1, #rule, 2 do
    if not holds(rule[index], rule[index + 1], facts) then
      return false
    end
  end
  return true
end

--- Returns the hint for an error. Facts: `kind`, `status`, `message`, `key` and `code` as in the
--- error; `profile`, its name; `no_login` and `login_needs` (for the place %s of a hint): see
--- `mic.profile.facts`; `fresh_token`, true if the call carried a token that should be good;
--- `no_manifest`, true if a stack's manifest was empty.
---@param facts table
---@return string|nil hint without a full stop; nil if the cause is not a usual one
function hints.find(facts)
  list = list or read_rules()
  for index = 1, #list do
    if fits(list[index], facts) then
      return (list[index].hint:gsub("%%s", facts.login_needs or "username and password"))
    end
  end
  return nil
end

return hints
