--- Numbers of JSON as decimals of any length: their canonical text and their order.

local decimal = {}

local EXPONENT_DIGITS = 8
local LEAST_PLAIN = -6 -- of the power of ten of the first digit

--- Reads a number.
---@param text string as the grammar of JSON has it
---@return table|nil number negative, digits (without leading zeros), exponent, text (canonical);
--- nil for an exponent of more than eight digits
function decimal.read(text)
  local sign, whole, fraction, exponent = text:match "^(-?)(%d+)%.?(%d*)[eE]?([+-]?%d*)$"
  if #exponent:gsub("^[+-]?0*", "") > EXPONENT_DIGITS then
    return nil
  end
  local digits = (whole .. fraction):gsub("^0+", "")
  local power = (tonumber(exponent) or 0) - #fraction
  digits = digits == "" and "0" or digits
  local number = { negative = sign == "-", digits = digits, exponent = power }
  local highest = power + #digits - 1
  local shown
  if power > 0 or highest < LEAST_PLAIN then
    shown = digits:sub(1, 1) .. (#digits > 1 and "." .. digits:sub(2) or "")
    if highest ~= 0 then
      shown = shown .. ("E%s%d"):format(highest < 0 and "-" or "+", math.abs(highest))
    end
  elseif power == 0 then
    shown = digits
  elseif highest >= 0 then
    shown = digits:sub(1, power - 1) .. "." .. digits:sub(power)
  else
    shown = "0." .. ("0"):rep(-highest - 1) .. digits
  end
  number.text = sign .. shown
  return number
end

--- Compares two numbers without loss.
---@param left table
---@param right table
---@return integer order negative, 0 or positive
function decimal.compare(left, right)
  local left_zero, right_zero = left.digits == "0", right.digits == "0"
  if left_zero and right_zero then
    return 0
  elseif left_zero then
    return right.negative and 1 or -1
  elseif right_zero or left.negative ~= right.negative then
    return left.negative and -1 or 1
  end
  local order = #left.digits + left.exponent - #right.digits - right.exponent
  if order == 0 then
    local one, other = left.digits:gsub("0+$", ""), right.digits:gsub("0+$", "")
    order = one == other and 0 or one < other and -1 or 1
  end
  return left.negative and -order or order
end

local function shortest(number)
  for precision = 0, 16 do
    local text = ("%." .. precision .. "e"):format(number)
    if tonumber(text) == number then
      return text
    end
  end
end

--- Formats a double as jq does: the shortest digits that read back equal.
---@param number number positive infinity counts as the largest double
---@return string
function decimal.of_double(number)
  if number == 0 then
    return 1 / number < 0 and "-0" or "0"
  end
  if number == math.huge or number == -math.huge then
    number = number < 0 and -1.7976931348623157e308 or 1.7976931348623157e308
  end
  if number % 1 == 0 and number > -1e15 and number < 1e15 then
    return ("%d"):format(number)
  end
  local sign, first, rest, exponent = shortest(number):match "^(-?)(%d)[^%de]?(%d*)e([+-]%d+)$"
  local digits, point = (first .. rest):gsub("0+$", ""), tonumber(exponent) + 1
  if point <= -4 or point > #digits + 15 then
    local mantissa = digits:sub(1, 1) .. (#digits > 1 and "." .. digits:sub(2) or "")
    return ("%s%se%s%02d"):format(sign, mantissa, point < 1 and "-" or "+", math.abs(point - 1))
  elseif point <= 0 then
    return sign .. "0." .. ("0"):rep(-point) .. digits
  elseif point >= #digits then
    return sign .. digits .. ("0"):rep(point - #digits)
  end
  return sign .. digits:sub(1, point) .. "." .. digits:sub(point + 1)
end

return decimal
