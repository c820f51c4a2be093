--- Hints for the usual causes of errors, and the field names of the API's error bodies.

local hints = {}

--- Field names of the API's error bodies.
hints.members = {
  text = "message",
  key = "messageKey",
  params = "messageParams",
  property = "property",
  legacy = "errorMessage", -- of functions behind the gateway, also with status 200
}

--- End of the gateway's message for an unknown path: a digest of the token, useless to a reader and
--- unfit for logs.
hints.digest = " %(hashed with .*$"

--- The first rule that matches applies. A rule's `status`, `kind`, `code`, `fresh_token`,
--- `no_manifest`, `missing` and `message` must equal the fact of that name, and
--- `text` must occur in the message. `keyless` requires an answer of the gateway: those of the
--- application carry a message key.
local rules = {
  {
    no_manifest = true,
    hint = "unknown stack: check the host name in the option stack",
  },
  {
    status = 403,
    keyless = true,
    message = "Forbidden",
    hint = 'check api_key, and the stage ("/prod") at the end of base_url',
  },
  {
    status = 403,
    keyless = true,
    message = "Missing Authentication Token",
    hint = "there is no such path or method",
  },
  {
    -- two wordings: "Invalid key=value pair (…" and the older "'…' not a valid key=value pair (…"
    status = 403,
    keyless = true,
    text = "key=value pair",
    hint = "there is no such path or method",
  },
  {
    status = 401,
    fresh_token = true,
    hint = "this user may not do that, or the token belongs to another stack",
  },
  {
    kind = "tls",
    text = "is for another host name",
    hint = "base_url must use the name that the certificate is for",
  },
  {
    kind = "tls",
    text = "is not valid yet",
    hint = "set this machine's clock, and try again",
  },
  {
    kind = "tls",
    text = "has no certificate authorities",
    hint = "or name a file of authorities in tls.ca_file",
  },
  {
    kind = "tls",
    text = "a passphrase is not supported",
    hint = "write one without: openssl pkey -in KEY -out PLAIN",
  },
  {
    kind = "tls",
    text = "tls.client_",
    hint = "check the path, and that this user may read it",
  },
  {
    kind = "tls",
    text = 'tls.ca_path "',
    hint = "check tls.ca_file and tls.ca_path",
  },
  {
    kind = "tls",
    text = "has expired",
    hint = "renew it, or check this machine's clock",
  },
  {
    kind = "tls",
    code = "CURLE_PEER_FAILED_VERIFICATION",
    hint = "a certificate authority of your own? name its certificate in tls.ca_file",
  },
  {
    kind = "tls",
    code = "CURLE_SSL_CACERT_BADFILE",
    hint = "check tls.ca_file and tls.ca_path",
  },
  {
    kind = "tls",
    code = "CURLE_SSL_CONNECT_ERROR",
    hint = "check the URL's host and port: is TLS spoken there?",
  },
  {
    kind = "too_large",
    text = "larger than allowed",
    hint = "raise max_response_size, or let the body go to save_to or on_data",
  },
  {
    kind = "too_large",
    text = "more JSON values than allowed",
    hint = "ask for less, or raise max_response_size: one value for each 16 bytes of it",
  },
  {
    kind = "network",
    text = "too many open files",
    hint = "close some, or raise the limit (ulimit -n)",
  },
  {
    kind = "file",
    text = "too many open files",
    hint = "close some, or raise the limit (ulimit -n)",
  },
  {
    kind = "file",
    code = "EBUSY",
    hint = "mount its folder, not the file",
  },
  {
    kind = "network",
    code = "CURLE_COULDNT_RESOLVE_HOST",
    hint = "check the URL's host name, and this machine's DNS",
  },
  {
    kind = "network",
    code = "CURLE_COULDNT_CONNECT",
    hint = "check the URL's host and port, and the proxy if there is one",
  },
  {
    kind = "network",
    text = "the proxy refused",
    hint = "check the proxy's address, user name and password",
  },
  {
    kind = "network",
    code = "CURLE_COULDNT_RESOLVE_PROXY",
    hint = "check the option proxy, or the variable https_proxy; in a password @ is written %40",
  },
  {
    kind = "auth",
    text = "expired, and there is no refresh token",
    hint = "give use_credentials a refreshToken too, or call client:login()",
  },
  {
    missing = true,
    hint = "call client:login(), or make the client with username and password",
  },
}

local equal = {
  "status",
  "kind",
  "code",
  "fresh_token",
  "no_manifest",
  "missing",
  "message",
}

local function fits(rule, facts)
  for _, name in ipairs(equal) do
    if rule[name] ~= nil and rule[name] ~= facts[name] then
      return false
    end
  end
  if rule.keyless and facts.key ~= nil then
    return false
  end
  if rule.text then
    return type(facts.message) == "string" and facts.message:find(rule.text, 1, true) ~= nil
  end
  return true
end

--- Returns the hint for an error. Facts: `kind`, `status`, `message`, `key` and `code` as in the
--- error; `fresh_token`, true if the call carried a token that should be good; `no_manifest`, true
--- if a stack's manifest was empty.
---@param facts table
---@return string|nil hint without a full stop; nil if the cause is not a usual one
function hints.find(facts)
  for _, rule in ipairs(rules) do
    if fits(rule, facts) then
      return rule.hint
    end
  end
  return nil
end

return hints
