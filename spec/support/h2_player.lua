--- A server that speaks HTTP/2 on its standard input and output, for one connection after the
--- other, and does to each request what the next word of its arguments says, from the first one
--- again after the last:
---
---   ok       answers 200 with a login's reply
---   refuse   RST_STREAM with REFUSED_STREAM
---   reset    RST_STREAM with INTERNAL_ERROR
---   leave    GOAWAY, the last stream is the one before
---   take     GOAWAY, the last stream is this one; no answer
---   end      ends, without an answer
---
--- It waits before the ones without an answer, until libcurl has sent the whole request. It writes
--- each word into the file that its first argument names. It is run as a program, behind `openssl
--- s_server`.

local log = assert(io.open(arg[1], "a"))
local count = #arg - 1 -- of the words

local HEADERS, DATA, RST_STREAM, SETTINGS, GOAWAY = 1, 0, 3, 4, 7
local END_STREAM, ACK = 1, 1
local errors = { refuse = 7, reset = 2 }

--- A token from 2023 to 2055.
local REPLY = '{"user":{"userName":"anna"},"credentials":{"identityId":"eu-west-1:4c3b","token":"'
  .. "eyJhbGciOiJSUzI1NiJ9."
  .. "eyJzdWIiOiJhbm5hIiwibiI6IkEiLCJpYXQiOjE3MDAwMDAwMDAsImV4cCI6MjcwMDAwMDAwMH0.c2lnbmF0dXJl"
  .. '","refreshToken":"refresh"}}'

local function number(value)
  return string.char(0, 0, math.floor(value / 256) % 256, value % 256)
end

local function frame(kind, flags, stream, payload)
  return number(#payload):sub(2) .. string.char(kind, flags) .. number(stream) .. payload
end

local acts = {}

function acts.ok(stream)
  return frame(HEADERS, 4, stream, string.char(0x88)) .. frame(DATA, END_STREAM, stream, REPLY)
end

function acts.leave(stream)
  return frame(GOAWAY, 0, 0, number(math.max(0, stream - 2)) .. number(0))
end

function acts.take(stream)
  return frame(GOAWAY, 0, 0, number(stream) .. number(0))
end

acts["end"] = function()
  os.exit(0)
end

for word, code in pairs(errors) do
  acts[word] = function(stream)
    return frame(RST_STREAM, 0, stream, number(code))
  end
end

--- What goes out with the next answer: a connection that brings no request hears nothing, since
--- what the client does not wait for would go to its next connection.
local pending = ""
local requests = 0

local function send(bytes)
  io.write(bytes)
  io.flush()
end

local function act(stream)
  local word = arg[requests % count + 2]
  requests = requests + 1
  log:write(word, "\n")
  log:flush()
  if word ~= "ok" then
    os.execute "sleep 0.03"
  end
  send(pending .. acts[word](stream))
  pending = ""
end

while true do
  local head = io.read(9)
  if not head then
    break
  elseif head:find "^PRI " then
    io.read(15) -- the rest of the preface
    pending = frame(SETTINGS, 0, 0, "")
  else
    local first, second, third, kind, flags, _, _, high, low = head:byte(1, 9)
    local length = first * 65536 + second * 256 + third
    if length > 0 then
      io.read(length)
    end
    if kind == SETTINGS and flags % 2 ~= ACK then
      pending = pending .. frame(SETTINGS, ACK, 0, "")
    elseif (kind == HEADERS or kind == DATA) and flags % 2 == END_STREAM then
      act(high * 256 + low)
    end
  end
end
