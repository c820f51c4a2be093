--- The debug channel with bodies, of a login and of successful and failed calls. What it shows may
--- be lost if there is no memory for it; it never shows a secret.
return {
  prepare = function(world)
    local lines = {}
    local client = world.automatic { debug = "bodies" }
    rawset(io, "stderr", { write = function(_, text)
      lines[#lines + 1] = text
    end })
    return { client = client, lines = lines }
  end,
  run = function(_, made)
    local response, err = made.client:get "/expired"
    if response then
      response, err = made.client:get "/missing"
    end
    if response or err.kind ~= "http" then
      return response, err
    end
    return table.concat(made.lines, "\n")
  end,
  expect = function(_, text)
    return type(text) == "string" and not text:find("secret", 1, true)
  end,
}
