rockspec_format = "3.0"
package = "lua-mic"
version = "0.1.0-1"

source = {
  url = "git+file://.",
  tag = "v0.1.0",
}

description = {
  summary = "Client for the MIC API: log in, keep the credentials, call",
  detailed = [[
Logs in to the API, keeps the credentials fresh, and sends every call with the headers that it
wants, over one connection where it can. Secrets stay in C and out of errors and logs.]],
  license = "MIT",
  labels = { "http", "client", "api", "iot" },
}

supported_platforms = { "unix" }

dependencies = {
  "lua >= 5.1, < 5.5",
  "lua-cjson >= 2.1.0.10",
}

-- No header: it may stand in a folder that LuaRocks does not look into.
external_dependencies = {
  CURL = { library = "curl" },
}

build = {
  type = "builtin",
  modules = {
    ["mic.core"] = {
      sources = {
        "src/binding/arguments.c",
        "src/binding/client.c",
        "src/binding/client_box.c",
        "src/binding/collect.c",
        "src/binding/credential_file.c",
        "src/binding/credentials.c",
        "src/binding/engine.c",
        "src/binding/exchange.c",
        "src/binding/integers.c",
        "src/binding/mic_core.c",
        "src/binding/packed_answer.c",
        "src/binding/plain_request.c",
        "src/binding/record.c",
        "src/binding/request.c",
        "src/binding/system.c",
        "src/binding/text.c",
        "src/core/api_client.c",
        "src/core/auth_reply.c",
        "src/core/buffer.c",
        "src/core/clock.c",
        "src/core/connections.c",
        "src/core/credential_file.c",
        "src/core/credential_path.c",
        "src/core/credentials.c",
        "src/core/download_file.c",
        "src/core/drive.c",
        "src/core/engine.c",
        "src/core/engine_jobs.c",
        "src/core/engine_lane.c",
        "src/core/engine_life.c",
        "src/core/engine_limits.c",
        "src/core/engine_live.c",
        "src/core/engine_news.c",
        "src/core/engine_thread.c",
        "src/core/engine_wake.c",
        "src/core/exchange.c",
        "src/core/exchange_flow.c",
        "src/core/failure.c",
        "src/core/file_lock.c",
        "src/core/header.c",
        "src/core/host_tls.c",
        "src/core/idle_clock.c",
        "src/core/json_scan.c",
        "src/core/jwt.c",
        "src/core/poller.c",
        "src/core/private_folder.c",
        "src/core/process_id.c",
        "src/core/profile.c",
        "src/core/record.c",
        "src/core/secret.c",
        "src/core/sigpipe_guard.c",
        "src/core/trust.c",
        "src/core/upload_file.c",
        "src/core/url.c",
      },
      libraries = { "curl", "pthread" },
    },
    mic = "lua/mic.lua",
    ["mic.account"] = "lua/mic/account.lua",
    ["mic.batch"] = "lua/mic/batch.lua",
    ["mic.batch_requests"] = "lua/mic/batch_requests.lua",
    ["mic.builder"] = "lua/mic/builder.lua",
    ["mic.call"] = "lua/mic/call.lua",
    ["mic.client"] = "lua/mic/client.lua",
    ["mic.discovery"] = "lua/mic/discovery.lua",
    ["mic.endpoints"] = "lua/mic/endpoints.lua",
    ["mic.environment"] = "lua/mic/environment.lua",
    ["mic.error"] = "lua/mic/error.lua",
    ["mic.flight"] = "lua/mic/flight.lua",
    ["mic.hints"] = "lua/mic/hints.lua",
    ["mic.inside"] = "lua/mic/inside.lua",
    ["mic.joining"] = "lua/mic/joining.lua",
    ["mic.json"] = "lua/mic/json.lua",
    ["mic.login_exchange"] = "lua/mic/login_exchange.lua",
    ["mic.nginx"] = "lua/mic/nginx.lua",
    ["mic.option_specs"] = "lua/mic/option_specs.lua",
    ["mic.options"] = "lua/mic/options.lua",
    ["mic.path"] = "lua/mic/path.lua",
    ["mic.pause"] = "lua/mic/pause.lua",
    ["mic.plain_call"] = "lua/mic/plain_call.lua",
    ["mic.policy"] = "lua/mic/policy.lua",
    ["mic.protect"] = "lua/mic/protect.lua",
    ["mic.renewal"] = "lua/mic/renewal.lua",
    ["mic.response"] = "lua/mic/response.lua",
    ["mic.retry_budget"] = "lua/mic/retry_budget.lua",
    ["mic.session"] = "lua/mic/session.lua",
    ["mic.shared_flight"] = "lua/mic/shared_flight.lua",
    ["mic.store.arguments"] = "lua/mic/store/arguments.lua",
    ["mic.store.conformance"] = "lua/mic/store/conformance.lua",
    ["mic.store.file"] = "lua/mic/store/file.lua",
    ["mic.store.memory"] = "lua/mic/store/memory.lua",
    ["mic.store.redis"] = "lua/mic/store/redis.lua",
    ["mic.store.shared_dict"] = "lua/mic/store/shared_dict.lua",
    ["mic.task_batch"] = "lua/mic/task_batch.lua",
    ["mic.transport.blocking"] = "lua/mic/transport/blocking.lua",
    ["mic.transport.cqueues"] = "lua/mic/transport/cqueues.lua",
    ["mic.transport.found"] = "lua/mic/transport/found.lua",
    ["mic.transport.loop"] = "lua/mic/transport/loop.lua",
    ["mic.transport.luv"] = "lua/mic/transport/luv.lua",
    ["mic.transport.nginx"] = "lua/mic/transport/nginx.lua",
    ["mic.transport.nginx_reader"] = "lua/mic/transport/nginx_reader.lua",
    ["mic.vault"] = "lua/mic/vault.lua",
  },
}

test = {
  type = "busted",
}
