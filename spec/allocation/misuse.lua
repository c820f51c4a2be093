--- Misuse raises and names the argument.
return {
  prepare = function(world)
    return world.client()
  end,
  run = function(_, client)
    local first, one = pcall(client.get, client, "/a b")
    local second, two = pcall(client.get, client, "/x", { querry = {} })
    local third, three = pcall(client.get, client, "/x", { headers = { ["A"] = "b\nc" } })
    local texts = { tostring(one), tostring(two), tostring(three) }
    for _, text in ipairs(texts) do
      if text:find("memory", 1, true) then
        error(text, 0)
      end
    end
    return not (first or second or third), table.concat(texts, "\n")
  end,
  expect = function(_, good, text)
    return good
      and text:find("path has a space", 1, true) ~= nil
      and text:find('did you mean "query"', 1, true) ~= nil
      and text:find('header "A" has a line break', 1, true) ~= nil
  end,
}
