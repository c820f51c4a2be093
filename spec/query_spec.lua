-- `-q` prints what the real jq prints, or is refused. Debian has jq 1.6, which reads numbers as
-- doubles; what 1.7 does otherwise is written here.

local jq = require "spec.support.jq"
local json_text = require "mic.command.json_text"
local query = require "mic.command.query"
local tree = require "spec.support.tree"

local REFUSED = "not in mic's part of jq; pipe into jq for more"

--- Results as `jq.table` gives them.
local function ours(expression, document)
  local program, err = query.compile(expression)
  assert.is_nil(err and expression .. ": " .. err.message)
  local lines, problem = program:run(document)
  if not lines then
    assert.equal("query", problem.kind, problem.message)
    return "error " .. problem.message
  end
  for index in pairs(lines.strings) do
    lines[index] = json_text.quote(lines[index])
  end
  return "[" .. table.concat(lines, ",") .. "]"
end

--- In its errors jq shows the first bytes of a value.
local function comparable(result)
  return result:find "^error " and result:gsub("%f[%a](%a+) %(.*%)", "%1") or result
end

--- Compares what one process of jq can compile.
local function compare(expressions, documents)
  local theirs = jq.table(expressions, documents)
  if not theirs then
    for _, expression in ipairs(expressions) do
      assert.is_true(jq.takes(expression), "jq refuses " .. expression)
    end
  end
  for row, document in ipairs(documents) do
    for column, expression in ipairs(expressions) do
      local result, expected = ours(expression, document), theirs[row][column]
      if comparable(expected) ~= comparable(result) then
        assert.equal(expected, result, expression .. " of " .. document)
      end
    end
  end
end

local documents = {
  "null", "true", "false", "0", "-1", "3", '""', '"a"', '"abc\\tdef\\\\\\"\\n"', '"é€😀"',
  "[]", "{}",
  "[1]", "[1,2,3]", "[[1,[2]],[],{}]", "[null,true,false,0,-7,\"\",\"x\"]", '[{"a":1},{"a":2}]',
  '[{"a":1},5,{"a":2}]', '["a","b\\tc","d,e","f\\"g",null,true,12]', '{"a":null}', '{"a":1,"b":2}',
  '{"b":2,"a":1}', '{"a":{"b":{"c":[1,2]}}}', '{"a":[1,2,3],"b":"x","c":{"a":false}}',
  '{"a b":1,"é":2,"":3,"\\u0001":4,"\\u007f":5}', '{"a":"x","a":"y","b":1}', '[[1,2],[1,3],[1]]',
  '[{"a":1,"b":2},{"a":1},{"b":0}]', '{"users":[{"userName":"anna","roleName":"Read"},'
    .. '{"userName":"bo","roleName":"ReadWrite"}],"page":1,"totalPages":1}',
  '{"timestamp":1606219200000,"state":{"temperature":21.5,"label":"a/b\\u2028"},"tags":["x","y"]}',
  '{"hits":{"total":2,"hits":[{"_id":"1","_source":{"thingName":"00001570","v":[1,2]}},'
    .. '{"_id":"2","_source":{"thingName":"00001571","v":null}}]}}',
  '"\\u0001\\u001f\\u007f\\ud83d\\ude00\\/"', "1606219200000", "21.5", "0.001", "999999999999999",
}

local expressions = {
  ".", ".a", ".a.b", ".a.b.c", '."a"', '."a b"', '.["a"]', '.["a b"]', ".[0]", ".[-1]", ".[-2]",
  ".[7]", ".[-7]", ".[]", ".[]?", ".a?", ".a?.b?", ".[0]?", ".a[]", ".a[]?", ".a[0]", ".a[-1]",
  ".[][]",
  ".[].a", ".[].a?", ".[]?.a?", ".[]|.a?", '."a"?', '.["a"]?', '."a"."b"', ".a .b", ". | .",
  ".a | .b",
  ".[0] | .a", ".a,.b", ".a, .b, 1", ".[] , .a?", "[.[]]", "[.[]?]", "[]", "[.]", "[.a?,.b?]",
  "[.[]?|.a?]", "{}", "{a:.}", "{a}", "{a,b}", "{a:1,b:\"x\"}", '{"a b":.}', '{"a"}', "{a:{b:.}}",
  "{a:.[]?}", "{a:(1,2),b:(3,4)}", "{a:(.[]?),b:(.[]?)}", "{a:.|length}", "{a:.a?,b:[.b?]}",
  "{a:1,a:2}", "{if:1,and:2,x:null}", "{a:-1}", "{a:1|.,b:2}", "length", "length?",
  "[.[]?|length?]",
  "keys", "keys?", "keys[0]", "keys|length", "first", "first?", "first.a?", "not", "[.[]?|not]",
  "@tsv",
  "@csv", "@tsv?", "@csv?", "[.a?,.b?]|@tsv", "[.[]?|[.]]|.[]|@csv?", "select(.)", "select(.a?)",
  "select(true,true)", "select(.a == 1)?", "[.[]?|select(.a? == 1)]", ".[]?|select(. > 0)",
  ".[]?|select(. == null)", "[.[]?|select(. != null and . != false)]", ". == .", ". == null",
  ". != null", ". < 1", ". <= 1", ". > \"a\"", ". >= []", "[. < (.[]?)]", "(1,2)==(1,3)",
  "(1,2)<(2,1)",
  "(true,false) and (true,false,null)", "(true,false) or (true,false)", "not and true",
  ". and true",
  ". or false", "1 == 1 and 2 < 3 or false", "false and 1 == 1", "null or null", "1", "-1", "-0",
  "\"x\"",
  "\"\\u00e9\\n\\/\\\"\"", "\"\\ud83d\\ude00\"", "true", "false", "null", "true,false|not",
  "(1,2)|(3,.)",
  "1|2,3", "[1|2,3]", "1,2|[.]", "((.))", "(.a?)", "(.[]?)?", "(.a)?", "(.[]|.a)?", "[(.[]|.a)?]",
  "[.[]?|(.a|.b)?]", "(.a?|.b)?", "1.5", "0.25", "-2.5", "{a:1}.a", "{a:1}|.b", "[1,2][0]",
  "[1,2][]",
  "\"abc\"|length", "null|length", "[[1,2],[1]]|.[0] < .[1]", "{a:1} < {a:2}", "{a:1} < {b:0}",
  "[{},[],\"\",0,true,false,null]|.[]|. < 0", ".users[].userName", ".users?[]?.userName?",
  ".users?|.[]?|select(.roleName == \"Read\")|.userName", ".hits?.hits?[]?._source?.thingName?",
  ".hits?.hits?[]?|[._id,._source.thingName]|@tsv", "{u:[.users?[]?|{userName,r:.roleName}]}",
  "[.timestamp?,.state?.temperature?]|@tsv", ".tags?[]?,.page?", " . | [ .a? , 1 ] ", "\t.\n",
  "first|first?", "[.[]?]|length", "[.[]?]|keys", "select(not)", "keys|@csv", "[keys?]|.[0]?|.[]?",
}

--- A sequence of numbers, the same on every Lua.
local function numbers(seed)
  return function(most)
    seed = (seed * 69069 + 12345) % 2147483648
    return math.floor(seed / 65536) % most + 1
  end
end

describe("-q beside the real jq", function()
  it(("gives the same: %d expressions, %d documents"):format(#expressions, #documents), function()
    compare(expressions, documents)
  end)

  it("gives the same for each example of the documentation", function()
    local examples, seen = {}, {}
    for _, folder in ipairs { "docs", "lua/mic/command" } do
      for _, path in ipairs(tree.files(folder, "%.[%w]+$")) do
        for example in tree.read(path):gmatch "%-q '([^']+)'" do
          if not seen[example] then
            assert.is_truthy(query.compile(example), example)
            examples[#examples + 1], seen[example] = example, true
          end
        end
      end
    end
    for _, example in ipairs(require("mic.command.arguments").expressions) do
      examples[#examples + 1] = example
    end
    compare(examples, documents)
  end)

  it("prints the same with -r -c", function()
    for expression, document in pairs {
      ["."] = '{"a":[1,{"b":"x\\u0000\\u001f\\u007f\\/é"}],"c":null}',
      [".[]"] = '["plain","two\\nlines","",null,true,0,"\\"quoted\\"",["x"],{"y":"z"}]',
      [".[]|@tsv"] = '[["a\\tb",1,null],["c\\\\d\\r\\n",true,-2.5]]',
      [".[]|@csv"] = '[["a,b",1,null],["c\\"d",true,-2.5],[]]',
      [".a,.b"] = '{"a":"x","b":""}',
      [".[] | select(.x)"] = ' [ {"x" : true , "y" : [ ] } ,\n\t{"x":false} ] \n',
      [".z"] = "",
    } do
      local lines = assert(assert(query.compile(expression)):run(document))
      lines[#lines + 1] = ""
      local output, status = jq.raw(expression, document)
      assert.equal(0, status)
      assert.equal(output, table.concat(lines, "\n"), expression)
    end
  end)
end)

describe("-q with generated expressions", function()
  local random

  local function one_of(list)
    return list[random(#list)]
  end

  local make

  local function path(depth)
    local text = one_of { ".", ".a", ".b", ".[0]", ".[]", ".c", '."a b"', ".[-1]" }
    for _ = 1, random(3) - 1 do
      text = text .. one_of { ".a", ".b", "[0]", "[]", "[-1]", '["a"]', '."b"', ".c" }
        .. one_of { "", "", "?" }
    end
    if text:find "^%.%." or depth < 0 then
      text = "."
    end
    return text
  end

  local function term(depth)
    local kind = depth <= 0 and random(5) or random(13)
    if kind <= 3 then
      return path(depth)
    elseif kind == 4 then
      return one_of { "1", "0", "2", '"a"', '"x"', "null", "true", "false", "1.5", "[]", "{}" }
    elseif kind == 5 then
      return one_of { "length", "keys", "first", "not", "@tsv", "@csv" }
    elseif kind <= 7 then
      return "[" .. make(depth - 1) .. "]"
    elseif kind == 8 then
      return "(" .. make(depth - 1) .. ")" .. one_of { "", ".a", "[0]", "[]", ".b?" }
    elseif kind == 9 then
      return "select(" .. make(depth - 1) .. ")"
    elseif kind == 10 then
      return "{" .. one_of { "a", "b", '"a b"' } .. "}"
    elseif kind == 11 then
      return "[" .. path(depth) .. "]" .. one_of { "|@tsv", "|@csv", "[0]", "" }
    end
    return ("{%s:%s,%s:%s}"):format(one_of { "a", '"b"' }, term(depth - 1), one_of { "a", "c" },
      term(depth - 1))
  end

  function make(depth)
    local kind = random(12)
    if depth <= 0 or kind <= 4 then
      return term(depth)
    elseif kind <= 6 then
      return make(depth - 1) .. "|" .. make(depth - 1)
    elseif kind == 7 then
      return make(depth - 1) .. "," .. make(depth - 1)
    elseif kind == 8 then
      return "[" .. make(depth - 1) .. "]"
    elseif kind <= 10 then
        return ("(%s) %s (%s)"):format(make(depth - 1), one_of { "==", "!=", "<", "<=", ">", ">=" },
        term(depth - 1))
    end
    return ("(%s) %s (%s)"):format(make(depth - 1), one_of { "and", "or" }, make(depth - 1))
  end

  it("gives what jq gives", function()
    random = numbers(tonumber(os.getenv "SEED") or 20)
    local generated, left = {}, tonumber(os.getenv "EXPRESSIONS") or 300
    while left > 0 do
      -- In 1.6 a `?` also catches errors of what follows; at the end nothing does.
      local expression = random(8) == 1 and "(" .. make(3) .. ")?" or make(3)
      if #expression < 120 then
        generated[#generated + 1], left = expression, left - 1
      end
      if #generated == 100 or left == 0 then
        compare(generated, documents)
        generated = {}
      end
    end
  end)
end)

describe("-q with tokens at random", function()
  local tokens = { ".", ".", ".a", ".b", "[", "]", "(", ")", "{", "}", ",", "|", ":", "?", "?",
  "==", "<",
    ">=", "!=", "and", "or", "not", "length", "keys", "first", "select(", "@tsv", "@csv", "a", "b",
    '"a"',
    '"b c"', "1", "0", "-1", "1.5 ", "true", "null", "[]", "[0]", " ", " ", "\n", "if", "-", "/",
    "+", "..", "$",
    "=", "é", "\\", '"', "#", "1e2", "empty" }

  it("takes only what jq takes, and ends", function()
    local next_number = numbers(tonumber(os.getenv "SEED") or 7)
    local is_newer = jq.version() >= 1.7
    local taken, tried, limit = {}, 0, tonumber(os.getenv "EXPRESSIONS") or 300
    local function flush()
      compare(taken, documents)
      taken = {}
    end
    for _ = 1, limit * 300 do
      local parts = {}
      for index = 1, next_number(9) do
        parts[index] = tokens[next_number(#tokens)]
      end
      local expression = table.concat(parts)
      local program, err = query.compile(expression)
      assert.is_truthy(program or err.column >= 1 and err.column <= #expression + 1)
      -- Only 1.7 has `.a.[0]` and 1E+2. In 1.6 a `?` also catches errors of what follows.
      if program and (is_newer or not expression:find '[%w%]%)}?"%.]%s*%.%s*%['
        and not expression:find "%?" and not expression:find "1e2") then
        taken[#taken + 1], tried = expression, tried + 1
        if #taken == 100 then
          flush()
        end
      end
      if tried == limit then
        break
      end
    end
    flush()
    assert.equal(limit, tried)
  end)
end)

describe("the numbers of -q", function()
  local function prints(expected, expression, document)
    local lines = assert(assert(query.compile(expression)):run(document))
    assert.equal(expected, table.concat(lines, "\n"), expression .. " of " .. document)
    if jq.version() >= 1.7 then
      assert.equal(expected .. "\n", (jq.raw(expression, document)))
    end
  end

  it("keep their digits, written as jq 1.7 does", function()
    for document, expected in pairs {
      ["12345678901234567890"] = "12345678901234567890", ["9007199254740993"] = "9007199254740993",
      ["-9007199254740993"] = "-9007199254740993", ["1.0"] = "1.0", ["1.10"] = "1.10",
      ["100e-2"] = "1.00", ["1e2"] = "1E+2", ["1.5E3"] = "1.5E+3", ["12.5e3"] = "1.25E+4",
      ["1e-7"] = "1E-7", ["0.00001"] = "0.00001", ["0.0000001"] = "1E-7", ["0.00000012"] = "1.2E-7",
      ["0.0000012"] = "0.0000012", ["-0"] = "-0", ["0.0"] = "0.0", ["-0.00"] = "-0.00",
      ["0e5"] = "0E+5", ["1E400"] = "1E+400", ["-1e-400"] = "-1E-400", ["123e0"] = "123",
      ["0.1000000000000000055511151231257827"] = "0.1000000000000000055511151231257827",
    } do
      prints(expected, ".", document)
      prints("[" .. expected .. "]", "[.]", document)
      prints(expected .. "\t" .. expected, "[.,.]|@tsv", document)
      prints(expected, ".a", '{"a":' .. document .. "}")
      if not document:find "^-" then -- what is written in an expression as well
        prints(expected, document, "null")
      end
    end
  end)

  it("are compared exactly", function()
    prints("false", "12345678901234567890 == 12345678901234567891", "null")
    prints("true", ".a < .b", '{"a":9007199254740992,"b":9007199254740993}')
    prints("true\ntrue\ntrue", ".[] == 1", "[1.000,100e-2,1]")
    prints("true", ".[0] == .[1]", "[[1.0],[1]]")
    prints("true\nfalse\nfalse\ntrue", ".[] < 0", "[-1e-400,0,1e-400,-2.0]")
    prints("true", ".[0] > .[1]", "[1e401,1e400]")
    prints("false", ".[0] > .[1]", "[-1e401,-1e400]")
    prints("true", ".[0] == .[1]", "[0,-0.0]")
    prints("true", "select(.id == 90071992547409931)|true", '{"id":90071992547409931}')
  end)

  it("that are computed are doubles", function()
    for document, expected in pairs {
      ["3.0"] = "3", ["-1e20"] = "1e+20", ["-12e15"] = "12000000000000000",
      ["1E400"] = "1.7976931348623157e+308",
      ["12345678901234567890"] = "12345678901234567000", ["1e-7"] = "1e-07", ["0.0001"] = "0.0001",
      ["0.00001"] = "1e-05", ["1e17"] = "1e+17", ["1e16"] = "1e+16",
      ["0.30000000000000004"] = "0.30000000000000004", ["-2.50"] = "2.5", ["-0.0"] = "0",
      ["123456.789"] = "123456.789", ["5e-324"] = "5e-324",
    } do
      prints(expected, "length", document)
    end
    prints("-1.5", "-1.50", "null")
    prints("-0", "-0", "null")
    prints("-12345678901234567000", "-12345678901234567890", "null")
  end)
end)

describe("@tsv", function()
  it("escapes NUL as jq 1.7 does", function()
    local lines = assert(assert(query.compile "@tsv"):run '["a\\u0000b"]')
    assert.equal("a\\0b", lines[1])
  end)
end)

describe("errors of -q", function()
  it("show nothing of the answer", function()
    for expression, expected in pairs {
      [".a[]"] = "Cannot iterate over string", [".b[]"] = "Cannot iterate over number",
      [".c[]"] = "Cannot iterate over null", [".a|keys"] = "string has no keys",
      [".d|length"] = "boolean has no length",
      ["[.]|@csv"] = "object is not valid in a csv row",
      [".a.x"] = 'Cannot index string with string "x"',
      [".[0]"] = "Cannot index object with number",
      [".a|@tsv"] = "string cannot be tsv-formatted, only array",
      ["[[.a]]|@tsv"] = "array is not valid in a csv row",
    } do
      local lines,
      err = assert(query.compile(expression)):run '{"a":"secret","b":5,"c":null,"d":true}'
      assert.is_nil(lines)
      assert.equal(expected, err.message)
      assert.equal("query", err.kind)
    end
  end)
end)

describe("-q refuses", function()
  local function refusal(expression)
    local program, err = query.compile(expression)
    assert.is_nil(program, expression)
    assert.equal("usage", err.kind)
    assert.equal(expression, err.text)
    return err
  end

  it("what is not in its part of jq, and says where", function()
    for expression, column in pairs {
      [".a + 1"] = 4, [".a-1"] = 3, [".a -1"] = 4, ["-.a"] = 1, ["- 1"] = 1, [".a * 2"] = 4,
      [".a // 1"] = 4,
      [".a?//1"] = 4, [".a = 1"] = 4, [".a |= 1"] = 5, ["map(.a)"] = 1, [".[] | map(.a)"] = 7,
      ["empty"] = 1,
      ["length(1)"] = 1, ["first(.[])"] = 1, ["select"] = 1, ["nott"] = 1, [".."] = 1,
      [".a..b"] = 3,
      ["..[0]"] = 1, ['.."a"'] = 1, ['..["a"]'] = 1, [".[1:2]"] = 4, [".[.a]"] = 3,
      ['.["a","b"]'] = 6,
      [".[1.5]"] = 3, [".[1e1]"] = 3, [".[1234567890]"] = 3, [".[- 1]"] = 3, [".5"] = 2, ["1."] = 1,
      ["007"] = 1, ["1a"] = 1, ["1 .a"] = 3, ["1?"] = 2, [". a"] = 3, [".a b"] = 4, ["$x"] = 1,
      [". as $x | $x"] = 3, ["if . then 1 else 2 end"] = 1, ["@base64"] = 1, ['@tsv "x"'] = 6,
      ['"a\\(1)"'] = 3, ['"\\x"'] = 2, ['"\\ud83d"'] = 1, ["# x"] = 1, [". # x"] = 3,
      ["{(.a):1}"] = 2,
      ["{$x}"] = 2, ["{1:2}"] = 2, ["{a:1,}"] = 6, ["{,}"] = 2, ["{and}"] = 2, ["{a:1==1}"] = 5,
      ["{a:1 and 2}"] = 6, ["{a:length?}"] = 10, ["{a b}"] = 4, ["[1,]"] = 4, ["[,1]"] = 2,
      ["()"] = 2,
      ["(1"] = 1, ["1)"] = 2, ["[1)"] = 3, ["1 == 2 == 3"] = 8, ["1 < 2 > 1"] = 7,
      ["length?.a"] = 8,
      [".a??.b"] = 5, ["(.a)?.b"] = 6, ["a::b"] = 1, ["reduce .[] as $x (0; .)"] = 1, ["'x'"] = 1,
      [".é"] = 2, ["\"é\" + 1"] = 5, ["\0"] = 1, ["| ."] = 1, [". | | ."] = 5, ["== 1"] = 1,
      ["and"] = 1,
      ["!"] = 1, ["={"] = 1, [".[]]"] = 4, ["1e999999999999"] = 1, ["]"] = 1, ["."..".["] = 1,
    } do
      local err = refusal(expression)
      local expected = expression == "(1" and "unclosed (" or REFUSED
      assert.equal(expected, err.message, expression)
      assert.equal(column, err.column, expression .. ": " .. err.mark)
    end
  end)

  it("what is empty or does not end, in other words", function()
    for expression, expected in pairs {
      [""] = "the expression is empty; . is the whole response",
      [" \n"] = "the expression is empty; . is the whole response",
      ["."..' | "x'] = 'unterminated string', ["[.a"] = "unclosed [",
      ["{a:1"] = "unclosed {", [".["] = "unclosed [",
      [".a |"] = "unexpected end of the expression",
      [".a ,"] = "unexpected end of the expression", ["1 =="] = "unexpected end of the expression",
      [". and"] = "unexpected end of the expression",
      ["select("] = "unexpected end of the expression",
      ["{a:"] = "unexpected end of the expression", ["."..' | "\\'] = REFUSED,
    } do
      assert.equal(expected, refusal(expression).message, expression)
    end
  end)

  it("what is too deep or too long", function()
    assert.is_truthy(query.compile(("("):rep(64) .. "." .. (")"):rep(64)))
    for _, expression in ipairs {
      ("("):rep(65) .. "." .. (")"):rep(65), ("["):rep(100000), ("{a:"):rep(100000),
      ("select("):rep(100000), ("{a:[("):rep(50) .. "1" .. (")]}"):rep(50),
    } do
      assert.equal("brackets are nested deeper than 64 levels", refusal(expression).message)
    end
    for _, expression in ipairs { ".a", "|.", ",.", "[]", ".a?", " and .", "|(.)?", "|{a}" } do
      local err = refusal(". " .. expression:rep(5000))
      assert.equal("the expression has more than 1000 parts", err.message, expression)
    end
  end)

  it("with a mark below the place", function()
    assert.equal("  .a + 1\n     ^", refusal(".a + 1").mark)
    assert.equal('  "é" + 1\n      ^', refusal('"é" + 1').mark)
    assert.equal("  . |  +\n       ^", refusal(". |\n +").mark)
    assert.equal("  \"?[31m??\" +\n            ^", refusal('"\27[31m\127\194\155" +').mark)
    local err = refusal((".a|"):rep(50) .. "+" .. ("x"):rep(90))
    assert.equal("  ..." .. ("|.a|.a"):rep(9):sub(-49) .. "|+" .. ("x"):rep(20) .. "...",
      (err.mark:match "^[^\n]*"):gsub("%.%.%.%.a", "....a"))
    assert.equal("+", err.mark:sub(#err.mark:match "\n(.*)", #err.mark:match "\n(.*)"))
    assert.equal(151, err.column)
  end)
end)

describe("-q with a text that is not a document", function()
  it("says so", function()
    local program = assert(query.compile ".")
    for text, expected in pairs {
      ["{"] = "incomplete JSON (ends after 1 bytes)",
      ["<html>"] = "not valid JSON at byte 1 of 6",
      ["[1,]"] = "not valid JSON at byte 4 of 4", ["1 2"] = "not valid JSON at byte 3 of 3",
      ["[01]"] = "not valid JSON at byte 2 of 4", ["nul"] = "not valid JSON at byte 1 of 3",
      ['"\1"'] = "not valid JSON at byte 1 of 3", ['"\\ud800"'] = "not valid JSON at byte 1 of 8",
      ['"\255"'] = "text that is not UTF-8 (byte 2 of 3)",
      [("["):rep(300) .. ("]"):rep(300)] = "JSON nested too deeply",
    } do
      local lines, err = program:run(text)
      assert.is_nil(lines)
      assert.equal("decode", err.kind)
      assert.equal(expected, err.message)
    end
  end)

  it("that would cost too much memory, too", function()
    local program = assert(query.compile "length")
    local lines, err = program:run("[" .. ("{},"):rep(1100000) .. "1]")
    assert.is_nil(lines)
    assert.equal("JSON of more than 1048576 values", err.message)
    assert.equal("700001", program:run("[" .. ("10,"):rep(700000) .. "1]")[1])
  end)

  it("takes a byte order mark, and depth like jq's", function()
    local program = assert(query.compile ".")
    assert.equal("1", program:run("\239\187\191 1")[1])
    local deep = ("["):rep(256) .. ("]"):rep(256)
    assert.equal(deep, program:run(deep)[1])
    assert.equal("true", assert(query.compile ". == ."):run(deep)[1])
  end)
end)
