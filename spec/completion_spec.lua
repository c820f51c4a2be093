-- `mic completion`: each script completes in its shell.

local arguments = require "mic.command.arguments"
local completion = require "mic.command.completion"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

--- What the shell does not have in a script: the functions of its line editor print what they get.
local ZSH = [=[
compdef() { }
_files() { print -l FILES }
compset() { [[ $1 == -P && $PREFIX == ${~2}* ]] || return 1; PREFIX=${PREFIX#${~2}} }
compadd() {
  while [[ $1 == -* ]]; do [[ $1 == -- ]] && { shift; break }; [[ $1 == -S ]] && shift; shift; done
  local word; for word; do [[ $word == $PREFIX* ]] && print -r -- $word; done; true
}
_describe() {
  [[ $1 == -o ]] && shift
  local item; for item in ${(P)2}; do [[ $item == $PREFIX* ]] && print -r -- ${item%%:*}; done; true
}
]=]

--- A text of words for each shell that prints what completes the last of them.
local completers = {
  bash = function(script, words)
    local quoted = {}
    for index, word in ipairs(words) do
      quoted[index] = shell.quote(word)
    end
    local text = "source %s; COMP_WORDS=(mic %s); COMP_CWORD=%d; _mic; "
      .. '[ ${#COMPREPLY[@]} = 0 ] || printf "%%s\\n" "${COMPREPLY[@]}"'
    text = text:format(script, table.concat(quoted, " "), #words)
    return "bash -c " .. shell.quote(text)
  end,
  zsh = function(script, words)
    local quoted = {}
    for index, word in ipairs(words) do
      quoted[index] = shell.quote(word)
    end
    local text = "%s\nsource %s; words=(mic %s); CURRENT=%d; PREFIX=%s; _mic"
    text = text:format(ZSH, script, table.concat(quoted, " "), #words + 1, quoted[#words])
    return "zsh -f -c " .. shell.quote(text)
  end,
  fish = function(script, words)
    local line = shell.quote("mic " .. table.concat(words, " "))
    return "fish --no-config -c " .. shell.quote(("source %s; complete -C %s"):format(script, line))
  end,
}

for name, completer in pairs(completers) do
  describe("mic completion " .. name, function()
    local folder, script

    setup(function()
      folder = scratch.folder()
      script = folder:write("script", completion.script(name))
      folder:write("config", "default_profile = test\n[default]\n[profile  test ]\nstack = x\n"
        .. "[profile other] # one\n#[profile no]\n")
    end)

    --- What completes the last word, sorted, without the descriptions.
    local function completed(...)
      local words = { ... }
      local text, status = shell.run(("cd %s && MIC_CONFIG=%s HOME=%s %s 2>&1"):format(folder.path,
        folder:at "config", folder.path, completer(script, words)))
      local found = {}
      for line in text:gmatch "[^\n]+" do
        found[#found + 1] = line:match "^[^\t]*":gsub("^%-%-color=", "")
      end
      assert.is_true(status == 0 or #found == 0, text)
      table.sort(found)
      return table.concat(found, " ")
    end

    it("completes commands", function()
      assert.equal("get graphql", completed "g")
      assert.equal("post profile put", (completed("p"):gsub("^patch permissions ", "")))
      assert.equal("get graphql", completed("--profile", "test", "-s", "g"))
      assert.equal("delete", completed("help", "del"))
      assert.equal("bash", completed("completion", "b"))
    end)

    it("completes options, each with its command", function()
      assert.equal("--page-size --paginate --param", completed("get", "--pa"))
      assert.equal("--paginate", completed("get", "/users", "--pagi"))
      assert.equal("--help --version", completed "--" )
      assert.equal("", completed("logout", "--pa"))
      assert.equal("--thing --timeout --type", completed("find", "things", "--t"))
    end)

    it("completes the values of options", function()
      assert.equal("always auto", completed("get", "--color", "a"))
      assert.equal("other test", completed("get", "--profile", ""))
      assert.equal("", completed("get", "--timeout", ""))
      assert.equal("", completed("get", "-q", ".a"))
    end)

    it("completes paths by their method, calls by their name, and profiles", function()
      assert.equal("/user /users /users/", completed("get", "/us"))
      assert.equal("/users /users/", completed("post", "/us"))
      assert.equal("/things/find", completed("post", "/things/"))
      assert.equal("", completed("get", "/users", "/us"))
      assert.equal("get list", completed("resources", ""))
      assert.equal("update update-data update-profile", completed("users", "up"))
      assert.equal("events observations things", completed("find", ""))
      assert.equal("other", completed("profile", "use", "o"))
      assert.equal("thing_types.create thing_types.get thing_types.list",
        completed("api", "thing_types."))
      assert.equal("things", completed("-s", "find", "--since", "24h", "th"))
    end)

    it("completes files", function()
      local found = completed("get", "-o", "con")
      assert.equal(name == "zsh" and "FILES" or "config", found)
      found = completed("post", "-d", "@con")
      assert.equal(name == "zsh" and "FILES" or name == "bash" and "@config" or found, found)
    end)

    if name == "bash" then
      it("completes behind = as readline splits there", function()
        assert.equal("always auto", completed("get", "--color", "=", "a"))
        assert.equal("always auto never", completed("get", "--color", "="))
        assert.equal("/users /users/", completed("--color", "=", "auto", "get", "/users"))
      end)
    else
      it("completes behind =", function()
        assert.equal("always auto", completed("get", "--color=a"))
      end)
    end
  end)
end

describe("mic completion", function()
  it("knows three shells, and every option and command", function()
    assert.is_nil(completion.script "tcsh")
    for name in pairs(completers) do
      local script = completion.script(name)
      assert.equal(script, completion.script(name))
      for _, command in ipairs(arguments.commands) do
        assert.is_truthy(script:find(command.name, 1, true))
        for _, key in ipairs(arguments.option_keys(command)) do
          for _, option in ipairs(arguments.options[key]) do
            assert.is_truthy(script:find(name == "fish" and "-[ls] " .. option:gsub("^%-+", "")
              :gsub("%-", "%%-") .. " " or option:gsub("%-", "%%-")), option)
          end
        end
      end
    end
  end)
end)
