std = "min"
max_line_length = 100
unused_args = true

files["spec"] = { std = "min+busted" }
files["spec/support"] = { std = "min+busted" }
files[".busted"] = { globals = { "arg" } }
files["**/*.rockspec"] = { std = "rockspec" }
files[".luacheckrc"] = { std = "luacheckrc" }
exclude_files = { "build" }
