std = "min"
max_line_length = 100
unused_args = true

files["spec"] = { std = "min+busted" }
files["sandbox"] = { std = "ngx_lua" }
files[".busted"] = { globals = { "arg" } }
files["**/*.rockspec"] = { std = "rockspec" }
files[".luacheckrc"] = { std = "luacheckrc" }
exclude_files = { "build" }
