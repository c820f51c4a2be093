-- Compiles spec/c/core_test.c and spec/c/profile_test.c with the Lua-free leaves, under sanitizers,
-- and runs their sections.

local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local sections = {
  { "buffer", "a buffer grows to its cap, keeps its content on failure, escapes and wipes" },
  { "secret", "a secret is copied, moved, compared and wiped" },
  { "mask", "secrets are found in every spelling, the longest whole, and nothing is left of them" },
  { "json_scan", "the JSON scanner takes what RFC 8259 allows, refuses the rest, finds members" },
  { "jwt", "the times of a JWT are read from well-formed tokens only" },
  { "header", "header fields are checked, handed to libcurl and read from a block" },
  { "sha256", "a password is stretched as RFC 8018 has it" },
}

local profile_sections = {
  { "template", "a template is checked, and filled with each value escaped for its place" },
  { "token_time", "the end of a token is read in every unit, and junk is none" },
  { "profile", "a profile is checked, and knows requests, headers, members and answers" },
}

local function compile(program, wraps, sources)
  shell.check(table.concat({
    os.getenv("CC") or "cc",
    "-std=c11 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined",
    "-Wl," .. wraps .. " -Isrc/core -o " .. program, sources, "-lcurl",
  }, " "))
end

describe("the Lua-free core", function()
  local program = scratch.folder():at "core_test"

  local profile_program = scratch.folder():at "profile_test"

  setup(function()
    compile(program, "--wrap=malloc,--wrap=realloc,--wrap=free",
      "spec/c/core_test.c src/core/text/buffer.c src/core/text/secret.c src/core/text/json_scan.c "
        .. "src/core/text/json_outline.c src/core/text/secret_names.c "
        .. "src/core/text/jwt.c src/core/text/header.c src/core/text/decompress.c "
        .. "src/core/text/secret_finder.c src/core/text/sha256.c src/core/text/spelling.c "
        .. "src/core/text/ascii.c src/core/text/utf8.c")
    compile(profile_program, "--wrap=malloc,--wrap=realloc,--wrap=strndup",
      "spec/c/profile_test.c src/core/credentials/profile.c src/core/credentials/template.c "
        .. "src/core/credentials/login_values.c src/core/credentials/token_time.c "
        .. "src/core/text/escape.c src/core/text/buffer.c src/core/text/secret.c "
        .. "src/core/text/ascii.c src/core/text/json_scan.c src/core/text/header.c "
        .. "src/core/text/decompress.c src/core/text/url_path.c src/core/text/utf8.c")
  end)

  local function run_sections(of, list)
    for _, section in ipairs(list) do
      it("passes its unit tests: " .. section[2], function()
        local output, status = shell.run(of .. " " .. section[1] .. " 2>&1")
        assert.equal(0, status, output)
        assert.is_truthy(output:match("[1-9]%d* checks, 0 failed"), output)
      end)
    end
  end

  run_sections(program, sections)
  run_sections(profile_program, profile_sections)
end)
