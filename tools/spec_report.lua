-- A busted output handler: one line a file, each failure in full as it happens. The file that
-- SPEC_COUNT names gets the two counts, and below them the failures again; tools/run_specs adds
-- them up. A pending test counts as a failed one.

return function(options)
  local busted = require "busted"
  local handler = require "busted.outputHandlers.base" ()
  local passed, failed, in_file, failed_in_file = 0, 0, 0, 0
  local failures = {}

  local function say(text, ...)
    io.write(string.format(text, ...))
    io.flush()
    return nil, true
  end

  local function fail(name, entry)
    local message = entry and entry.message or "pending or skipped: no test may be"
    failed, failed_in_file = failed + 1, failed_in_file + 1
    failures[failed] = ("  FAILED  %s\n  %s\n"):format(name, (tostring(message):gsub("\n", "\n  ")))
    say("\n%s", failures[failed])
    if entry and options.verbose and entry.trace and entry.trace.traceback then
      say("%s\n", entry.trace.traceback)
    end
  end

  function handler.fileStart(file)
    in_file, failed_in_file = 0, 0
    return say("%s", file.name)
  end

  function handler.fileEnd(file)
    return say("%s  %d of %d  %.2f s\n", failed_in_file > 0 and "  " .. file.name or "",
      in_file - failed_in_file, in_file, file.duration)
  end

  function handler.testEnd(element, _, status)
    in_file = in_file + 1
    if status == "success" then
      passed = passed + 1
    elseif status == "pending" then
      fail(handler.getFullName(element))
    elseif status == "failure" then
      fail(handler.getFullName(element), handler.failures[#handler.failures])
    else
      fail(handler.getFullName(element), handler.errors[#handler.errors])
    end
    return nil, true
  end

  -- Outside a test: a file that does not load, a setup or teardown that raised.
  function handler.otherError(element)
    if element.descriptor ~= "it" then
      in_file = in_file + 1
      fail(handler.getFullName(element), handler.errors[#handler.errors])
    end
    return nil, true
  end

  function handler.suiteEnd()
    local path = os.getenv("SPEC_COUNT")
    local file = path and assert(io.open(path, "w"))
    if file then
      file:write(string.format("%d %d\n", passed, failed), table.concat(failures))
      file:close()
    end
    return nil, true
  end

  busted.subscribe({ "file", "start" }, handler.fileStart)
  busted.subscribe({ "file", "end" }, handler.fileEnd)
  busted.subscribe({ "test", "end" }, handler.testEnd)
  busted.subscribe({ "failure" }, handler.otherError)
  busted.subscribe({ "error" }, handler.otherError)
  busted.subscribe({ "suite", "end" }, handler.suiteEnd)

  return handler
end
