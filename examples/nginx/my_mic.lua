-- The client of this nginx: made once, at module level, never per request.

local mic = require "mic"

return mic.assert(mic.from_env { store = mic.store.shared_dict "mic_credentials" })
