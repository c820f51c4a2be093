--- The module is loaded.
return {
  bare = true,
  run = function()
    return require "mic"
  end,
  after = function()
    --- 5.1 and LuaJIT mark a module that is being loaded, and leave the mark when that fails.
    for name in pairs(package.loaded) do
      package.loaded[name] = not name:find "^mic" and package.loaded[name] or nil
    end
    return true
  end,
  expect = function(_, mic)
    return type(mic.new) == "function"
  end,
}
