--- Two clients with one store: a failed refresh of the first does not block the second.
return {
  prepare = function(world)
    local store = require("mic").store.memory()
    local first = world.logged_in { store = store }
    return { first = first, second = world.automatic { store = store } }
  end,
  run = function(_, made)
    return made.first:refresh()
  end,
  expect = function(_, ok)
    return ok == true
  end,
  after = function(_, made)
    local core = require "mic.core"
    local started = core.now()
    return made.second:refresh() == true and core.now() - started < 2
  end,
}
