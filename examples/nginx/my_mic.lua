-- The client that everything in this nginx shares: made once, at module level, never per request.

local mic = require "mic"

return mic.assert(mic.from_env { store = mic.store.shared_dict "mic_credentials" })
