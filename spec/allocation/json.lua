--- JSON both ways.
return {
  prepare = function()
    return require "mic"
  end,
  run = function(_, mic)
    local text = mic.json.encode {
      list = { 1, 2, 3 },
      empty = mic.array {},
      none = mic.null,
      text = 'a"b\\c/ü',
      number = 9007199254740992,
    }
    local value, err = mic.json.decode(text)
    if not value then
      return nil, err
    end
    return value, mic.null, mic.json.decode "[1, 2"
  end,
  expect = function(_, value, null, broken, problem)
    return value
      and value.text == 'a"b\\c/ü'
      and value.number == 9007199254740992
      and value.none == null
      and broken == nil
      and problem ~= nil
  end,
}
