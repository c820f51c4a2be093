stds.kong = { read_globals = { "kong" } }
std = "min"
max_line_length = 100
unused_args = true

files["spec"] = { std = "min+busted" }
files["lua/mic/transport/nginx*.lua"] = { std = "ngx_lua" }
files["lua/mic/nginx.lua"] = { std = "ngx_lua" }
files["examples/nginx"] = { std = "ngx_lua" }
files["examples/apisix"] = { std = "ngx_lua" }
files["examples/kong"] = { std = "ngx_lua+kong", self = false }
files["lua/mic/types.lua"] = { max_line_length = false }
files["sandbox"] = { std = "ngx_lua" }
files[".busted"] = { globals = { "arg" } }
files["**/*.rockspec"] = { std = "rockspec" }
files[".luacheckrc"] = { std = "luacheckrc" }
exclude_files = { "build" }
