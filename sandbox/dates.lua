--- Points in time as a search takes them: milliseconds since the epoch, as number or text, or a
--- date as ISO 8601 writes it.
local dates = {}

-- Days since 1970-01-01 in the Gregorian calendar, by counting from March on.
local function days(year, month, day)
  if month <= 2 then
    year, month = year - 1, month + 12
  end
  local leap = math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400)
  return 365 * year + leap + math.floor((153 * (month - 3) + 2) / 5) + day - 719469
end

local function offset(text)
  if text == "" or text == "Z" then
    return 0
  end
  local sign, hours, minutes = text:match "^([+-])(%d%d):?(%d%d)$"
  if sign then
    return (hours * 60 + minutes) * (sign == "+" and 60000 or -60000)
  end
end

---@param text string such as 2020-11-24, 2020-11-24T12:00:00Z, 2020-11-24T12:00:00.250+01:00
---@return integer? milliseconds nil when it is no such date
local function iso(text)
  local year, month, day, rest = text:match "^(%d%d%d%d)-(%d%d)-(%d%d)(.*)$"
  if not year then
    return nil
  end
  local time = days(tonumber(year), tonumber(month), tonumber(day)) * 86400000
  if rest == "" then
    return time
  end
  local hour, minute, after = rest:match "^T(%d%d):(%d%d)(.*)$"
  if not hour then
    return nil
  end
  local second, later = after:match "^:(%d%d)(.*)$"
  local fraction, zone = (later or after):match "^(%.%d+)(.*)$"
  local shift = offset(zone or later or after)
  return shift and time + ((hour * 60 + minute) * 60 + (second or 0)) * 1000
    + math.floor((tonumber("0" .. (fraction or ".0"))) * 1000 + 0.5) - shift
end

---@param value any
---@return number? milliseconds nil when it is no point in time
function dates.milliseconds(value)
  if type(value) == "number" then
    return value
  end
  if type(value) == "string" then
    return tonumber(value) or iso(value)
  end
end

return dates
