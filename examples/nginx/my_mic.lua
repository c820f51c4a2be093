-- The client of this nginx. The module makes it once; requests share it.

local mic = require "mic"

return mic.assert(mic.from_env { store = mic.store.shared_dict "mic_credentials" })
