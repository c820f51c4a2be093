--- Two clients with one store: what breaks a refresh of the first keeps the second from nothing.
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
