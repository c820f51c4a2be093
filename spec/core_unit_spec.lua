-- Compiles spec/c/core_test.c with the Lua-free leaves, under sanitizers, and runs its sections.

local sections = {
  { "buffer", "a buffer grows to its cap, keeps its content on failure, escapes and wipes" },
  { "secret", "a secret is copied, moved, compared and wiped" },
  { "mask", "secrets are found in every spelling, the longest whole, and nothing is left of them" },
  { "json_scan", "the JSON scanner takes what RFC 8259 allows, refuses the rest, finds members" },
  { "jwt", "the times of a JWT are read from well-formed tokens only" },
  { "header", "header fields are checked, handed to libcurl and read from a block" },
  { "sha256", "a password is stretched as RFC 8018 has it" },
}

--- Runs a command of the shell; returns whether it ended well, and all that it printed.
local function run(command)
  local pipe = assert(io.popen("{ " .. command .. "; } 2>&1; echo \"exit $?\""))
  local output = pipe:read("*a")
  pipe:close()
  local text, code = output:match("^(.*)exit (%d+)%s*$")
  return code == "0", text or output
end

local function compile_command(program)
  return table.concat({
    os.getenv("CC") or "cc",
    "-std=c11 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined",
    "-Wl,--wrap=malloc,--wrap=realloc,--wrap=free -Isrc/core -o " .. program,
    "spec/c/core_test.c src/core/text/buffer.c src/core/text/secret.c src/core/text/json_scan.c",
    "src/core/text/jwt.c src/core/text/header.c src/core/text/decompress.c src/core/text/mask.c",
    "src/core/text/sha256.c src/core/text/spelling.c src/core/text/utf8.c -lcurl",
  }, " ")
end

describe("the Lua-free core", function()
  local folder, program

  setup(function()
    local pipe = assert(io.popen("mktemp -d"))
    folder = assert(pipe:read("*l"), "mktemp made no folder")
    pipe:close()
    program = folder .. "/core_test"
    local built, output = run(compile_command(program))
    assert(built, output)
  end)

  teardown(function()
    if folder then
      run("rm -rf '" .. folder .. "'")
    end
  end)

  for _, section in ipairs(sections) do
    it("keeps its word: " .. section[2], function()
      local good, output = run(program .. " " .. section[1])
      assert.is_true(good, output)
      assert.is_truthy(output:match("[1-9]%d* checks, 0 failed"), output)
    end)
  end
end)
