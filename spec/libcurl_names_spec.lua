-- Names of libcurl in src: those of the oldest supported version, and newer ones only under a check
-- of LIBCURL_VERSION_NUM. Look up a name that is missing here in docs/libcurl/symbols-in-versions
-- of curl's sources, or in its manual page.

local tree = require "spec.support.tree"

--- Of 7.74 or before, without the prefix.
local OLD = {
  ["CURLE_"] = [[
    ABORTED_BY_CALLBACK BAD_CONTENT_ENCODING BAD_FUNCTION_ARGUMENT COULDNT_CONNECT
    COULDNT_RESOLVE_HOST COULDNT_RESOLVE_PROXY GOT_NOTHING HTTP2 HTTP2_STREAM NOT_BUILT_IN
    OK OPERATION_TIMEDOUT OUT_OF_MEMORY PARTIAL_FILE PEER_FAILED_VERIFICATION PROXY
    RECV_ERROR SEND_ERROR SSL_CACERT_BADFILE SSL_CERTPROBLEM SSL_CIPHER SSL_CONNECT_ERROR
    SSL_CRL_BADFILE SSL_ENGINE_NOTFOUND SSL_INVALIDCERTSTATUS SSL_ISSUER_ERROR
    SSL_PINNEDPUBKEYNOTMATCH UNKNOWN_OPTION UNSUPPORTED_PROTOCOL URL_MALFORMAT
    WEIRD_SERVER_REPLY WRITE_ERROR
  ]],
  ["CURLHEADER_"] = "SEPARATE",
  ["CURLINFO_"] = [[
    APPCONNECT_TIME_T CONNECT_TIME_T CONTENT_LENGTH_DOWNLOAD_T CONTENT_TYPE HTTP_CONNECTCODE
    DATA_OUT HEADER_OUT HTTP_VERSION LOCAL_PORT NAMELOOKUP_TIME_T NUM_CONNECTS PRETRANSFER_TIME_T
    PRIMARY_IP PRIMARY_PORT PRIVATE PROXY_SSL_VERIFYRESULT REQUEST_SIZE
    RESPONSE_CODE SSL_VERIFYRESULT STARTTRANSFER_TIME_T TEXT TLS_SSL_PTR TOTAL_TIME_T
  ]],
  ["CURLMOPT_"] = "MAXCONNECTS MAX_HOST_CONNECTIONS SOCKETDATA SOCKETFUNCTION",
  ["CURLMSG_"] = "DONE",
  ["CURLM_"] = "OK",
  ["CURLOPT_"] = [[
    BUFFERSIZE CAINFO CAPATH CLOSESOCKETDATA CLOSESOCKETFUNCTION
    CONNECTTIMEOUT_MS CURLU CUSTOMREQUEST DEBUGDATA DEBUGFUNCTION DISALLOW_USERNAME_IN_URL
    FOLLOWLOCATION FRESH_CONNECT HEADERDATA HEADERFUNCTION HEADEROPT HTTPGET HTTPHEADER
    HTTP_VERSION INFILESIZE_LARGE KEYPASSWD NETRC NOBODY NOPROGRESS
    NOPROXY NOSIGNAL OPENSOCKETDATA OPENSOCKETFUNCTION PATH_AS_IS PINNEDPUBLICKEY PIPEWAIT
    POSTFIELDS POSTFIELDSIZE_LARGE PRIVATE PROTOCOLS PROXY PROXY_CAINFO PROXY_CAPATH
    PROXY_SSLVERSION PROXY_SSL_VERIFYHOST PROXY_SSL_VERIFYPEER READDATA READFUNCTION SEEKDATA
    SEEKFUNCTION SHARE SSLCERT SSLKEY SSLVERSION SSL_SESSIONID_CACHE SSL_VERIFYHOST
    SSL_VERIFYPEER
    SUPPRESS_CONNECT_HEADERS TCP_KEEPALIVE TCP_KEEPIDLE TCP_KEEPINTVL TIMEOUT_MS UPLOAD
    USERAGENT VERBOSE WRITEDATA WRITEFUNCTION XFERINFODATA XFERINFOFUNCTION
  ]],
  ["CURLPAUSE_"] = "CONT",
  ["CURLPROTO_"] = "HTTP HTTPS",
  ["CURLSHE_"] = "IN_USE OK",
  ["CURLSHOPT_"] = "LOCKFUNC SHARE UNLOCKFUNC USERDATA",
  ["CURLSSLBACKEND_"] = "GNUTLS MBEDTLS NONE OPENSSL WOLFSSL",
  ["CURLUE_"] = "OK OUT_OF_MEMORY",
  ["CURLUPART_"] = "FRAGMENT HOST PATH PORT QUERY SCHEME URL USER ZONEID",
  ["CURLU_"] = "DEFAULT_PORT PATH_AS_IS URLENCODE",
  ["CURLVERSION_"] = "NOW",
  ["CURL_"] = [[
    BLOB_NOCOPY CSELECT_IN CSELECT_OUT GLOBAL_DEFAULT HTTP_VERSION_1_0 HTTP_VERSION_1_1
    HTTP_VERSION_2TLS
    HTTP_VERSION_2_0 HTTP_VERSION_3 HTTP_VERSION_NONE LOCK_DATA_SSL_SESSION NETRC_IGNORED POLL_IN
    POLL_OUT POLL_REMOVE READFUNC_ABORT SEEKFUNC_CANTSEEK SEEKFUNC_OK SOCKET_BAD SOCKET_TIMEOUT
    SSLVERSION_TLSv1_2 SSLVERSION_TLSv1_3 VERSION_ASYNCHDNS VERSION_HTTP2
    VERSION_HTTPS_PROXY VERSION_SSL WRITEFUNC_PAUSE
  ]],
  ["curl_"] = "blob free getdate infotype slist sockaddr tlssessioninfo url",
  ["curl_easy_"] = "cleanup duphandle getinfo init pause setopt",
  ["curl_global_"] = "init init_mem",
  ["curl_lock_"] = "access data function",
  ["curl_multi_"] = [[
    add_handle cleanup info_read init remove_handle setopt socket_action timeout
  ]],
  ["curl_off_"] = "t",
  ["curl_share_"] = "cleanup init setopt",
  ["curl_slist_"] = "append free_all",
  ["curl_socket_"] = "t",
  ["curl_ssl"] = "backend",
  ["curl_unlock_"] = "function",
  ["curl_url_"] = "cleanup dup get set",
  ["curl_version_"] = "info info_data",
}

--- The version that brought each newer one.
local NEWER = {
  CURLE_SSL_CLIENTCERT = 0x074d00,
  CURLE_TOO_LARGE = 0x080600,
  CURLMOPT_QUICK_EXIT = 0x081400,
  CURLOPT_CAINFO_BLOB = 0x074d00,
  CURLOPT_CA_CACHE_TIMEOUT = 0x075700,
  CURLOPT_MAXLIFETIME_CONN = 0x075000,
  CURLOPT_PREREQDATA = 0x075000,
  CURLOPT_PREREQFUNCTION = 0x075000,
  CURLOPT_PROTOCOLS_STR = 0x075500,
  CURLOPT_PROXY_CAINFO_BLOB = 0x074d00,
  CURLOPT_QUICK_EXIT = 0x075700,
}

--- Names of our own.
local OURS = { CURLE_OTHER = true, curl_once = true, curl_once_code = true }

local old = {}
for prefix, names in pairs(OLD) do
  for name in names:gmatch "%S+" do
    old[prefix .. name] = true
  end
end

--- The version that a line of the preprocessor asks for; nil for another condition.
local function asked_for(line)
  return tonumber(line:match "^#if LIBCURL_VERSION_NUM >= (0x%x+)")
end

--- Calls `visit(name, version)` with each name, and the version that is there for certain.
local function names_of(code, visit)
  local versions = {}
  for line in code:gmatch "[^\n]+" do
    if line:find "^%s*#%s*if" then
      versions[#versions + 1] = asked_for(line) or versions[#versions] or 0
    elseif line:find "^%s*#%s*el" then
      versions[#versions] = versions[#versions - 1] or 0
    elseif line:find "^%s*#%s*endif" then
      versions[#versions] = nil
    else
      for name in line:gmatch "%f[%w_][Cc][Uu][Rr][Ll]%a*_[%w_]+" do
        visit(name, versions[#versions] or 0)
      end
    end
  end
end

describe("the names of libcurl", function()
  it("are as old as the oldest version, or asked for", function()
    local problems, used = {}, {}
    for _, path in ipairs(tree.files("src", "%.[ch]$")) do
      names_of(tree.code(path), function(name, version)
        used[name] = true
        local needed = NEWER[name] or (old[name] or OURS[name]) and 0
        if not needed or version < needed then
          problems[#problems + 1] = ("%s: %s"):format(path, name)
        end
      end)
    end
    assert.same({}, problems)
    for _, set in ipairs { old, NEWER, OURS } do
      for name in pairs(set) do
        assert.is_true(used[name], name .. " is used nowhere: take it off the list")
      end
    end
  end)

  it("are seen in each branch", function()
    local seen = {}
    names_of("a(CURLOPT_X);\n#if LIBCURL_VERSION_NUM >= 0x075000\nCURLOPT_Y\n#else\nCURLOPT_Z\n"
      .. "#endif\n#if B\nCURLOPT_B\n#endif\ncurl_x()", function(name, version)
      seen[name] = version
    end)
    assert.same({ CURLOPT_X = 0, CURLOPT_Y = 0x075000, CURLOPT_Z = 0, CURLOPT_B = 0, curl_x = 0 },
      seen)
  end)
end)
