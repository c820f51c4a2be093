-- The sandbox's thing types, resources and domains, asked by the client.

local api = require "spec.support.api"

describe("the sandbox's", function()
  local data, refused = api.data, api.assert_refused
  local box = api.around()
  local client

  before_each(function()
    client = box:logged_in()
  end)

  --- A user who may write below one domain only.
  local function local_writer(domain)
    data(client:post("/users", {
      userName = "local", roleName = "ReadWrite", domainName = domain,
    }))
    local other = box:client()
    assert(other:login("local", box.password))
    return other
  end

  describe("thing types", function()
    it("are a bare array", function()
      local response = assert(client:get("/thingtypes", { query = { attributes = "id,label" } }))
      assert.equal('[{"id":"191","label":"Weather station"},{"id":"192","label":"Parking place"},'
        .. '{"id":"air-quality","label":"Air quality"},{"id":"door","label":"Door"},'
        .. '{"id":"gateway","label":"Gateway"}]', response.body)
      refused(400, "INVALID_ARGUMENTS", "attributes",
        client:get("/thingtypes", { query = { attributes = "id,size" } }))
    end)

    it("are read one by one, with how many things there are of them", function()
      local kind = data(client:get "/thingtypes/192")
      assert.equal("Free or taken", kind.description)
      assert.equal(12, kind.thingCount)
      refused(404, "THING_TYPE_NOT_FOUND", "id", client:get "/thingtypes/999")
    end)

    it("are created, and then used", function()
      local kind = data(client:post("/thingtypes", {
        id = "lamp_2-a", domain = "norway", label = "Lamp",
        resources = { on = { type = "boolean" } },
      }))
      assert.equal(0, kind.thingCount)
      data(client:post("/things", { thingType = "lamp_2-a", domain = "oslo" }))
      assert.equal(1, data(client:get "/thingtypes/lamp_2-a").thingCount)
      assert.equal("lamp_2-a/on", data(client:get "/resources/lamp_2-a").resources[1].id)
    end)

    it("are refused when something is missing or wrong", function()
      local function create(id, domain, more)
        local body = more or {}
        body.id, body.domain = id, domain
        return client:post("/thingtypes", body)
      end
      refused(400, "PROPERTY_REQUIRED", "id", create(nil, "oslo"))
      refused(400, "PROPERTY_REQUIRED", "domain", create "new")
      for _, id in ipairs { "New", "a b", "a.b", "191", ("x"):rep(129) } do
        refused(400, "INVALID_ARGUMENTS", "id", create(id, "oslo"))
      end
      refused(400, "INVALID_ARGUMENTS", "resources", create("new", "oslo", {
        resources = { on = "boolean" },
      }))
      refused(403, "NOT_AUTHORIZED_DOMAIN", "domain", create("new", "nowhere"))
    end)

    it("of other domains are not seen", function()
      local other = local_writer "sweden"
      assert.equal(0, #data(other:get "/thingtypes"))
      refused(403, "NOT_AUTHORIZED_DOMAIN", "domain", other:get "/thingtypes/192")
      other:close()
    end)
  end)

  describe("resources", function()
    it("of one thing type have ids of three forms", function()
      assert.equal('{"resources":['
        .. '{"id":"191/latlng","name":"latlng","isVirtual":false,"type":"geo_point"},'
        .. '{"id":"191/temperature","name":"temperature","isVirtual":false,"type":"double"},'
        .. '{"id":"191/wind","name":"wind","isVirtual":false,"type":"double"},'
        .. '{"id":"191/virtual/felt","name":"felt","isVirtual":true,"type":"double"}]}',
        client:get("/resources/191").body)
      assert.equal('{"id":"gateway/subthing/door","name":"door","isVirtual":false,'
        .. '"type":"boolean","subthingType":"door"}',
        client:get("/resources/gateway").body:match '%[(%b{})')
    end)

    it("bring metadata and options when asked", function()
      local wanted = data(client:get("/resources/191", {
        query = { include = "metadata,options" },
      })).resources[2]
      assert.same({ label = "Temperature", unit = "C" }, wanted.metadata)
      assert.same({}, wanted.options)
      refused(400, "INVALID_ARGUMENTS", "include",
        client:get("/resources/191", { query = { include = "all" } }))
    end)

    it("of all thing types come under their ids", function()
      local all = data(client:get("/resources", { query = { include = "metadata" } }))
      assert.equal("192/taken", all["192"].resources[1].id)
      assert.equal("Taken", all["192"].resources[1].metadata.label)
      refused(400, "INVALID_ARGUMENTS", "include",
        client:get("/resources", { query = { include = "options" } }))
      refused(404, "THING_TYPE_NOT_FOUND", "thingType", client:get "/resources/x")
    end)
  end)

  describe("domains", function()
    it("are a tree: under its id each has attributes and the domains below", function()
      local response = assert(client:get("/domains", { query = { attributes = "name" } }))
      assert.equal('"oslo":{"attributes":{"name":"Oslo"},"oslo-harbour":{"attributes":'
        .. '{"name":"Oslo harbour"}},"oslo-centre":{"attributes":{"name":"Oslo centre"}}}',
        response.body:match '"oslo":%b{}')
      local root = response.data.root
      assert.equal("root", root.attributes.name)
      assert.equal("Copenhagen harbour",
        root.denmark.copenhagen["copenhagen-harbour"].attributes.name)
      assert.equal("City", data(client:get "/domains").root.norway.bergen.attributes.description)
      refused(400, "INVALID_ARGUMENTS", "attributes",
        client:get("/domains", { query = { attributes = "id" } }))
    end)

    it("are read one by one and by those above", function()
      assert.equal('{"id":"oslo","name":"Oslo","description":"City","data":{},'
        .. '"parent":"norway"}', client:get("/domains/oslo").body)
      assert.equal("root", data(client:get "/domains/list")[1].id)
      local below = data(client:get "/domains/oslo/list")
      assert.same({ 2, "oslo-harbour" }, { #below, below[1].id })
      assert.equal("[]", client:get("/domains/turku/list").body)
      refused(403, "NOT_AUTHORIZED_DOMAIN", "domain", client:get "/domains/nowhere")
    end)

    it("end at the caller's own", function()
      local other = local_writer "oslo"
      assert.equal("/norway/oslo/", other:login("local", box.password).user.domainPath)
      local tree = data(other:get "/domains")
      assert.is_table(tree.oslo["oslo-centre"])
      assert.is_nil(tree.root)
      assert.equal("oslo", data(other:get "/domains/list")[1].id)
      for _, path in ipairs { "/domains/norway", "/domains/root/list" } do
        refused(403, "NOT_AUTHORIZED_DOMAIN", "domain", other:get(path))
      end
      local user = { userName = "second", roleName = "Read", domainName = "norway" }
      refused(403, "NOT_AUTHORIZED_DOMAIN", "domainName", other:post("/users", user))
      user.domainName = "oslo-centre"
      data(other:post("/users", user))
      refused(403, "NOT_AUTHORIZED_DOMAIN", "domainName",
        other:patch("/users/second", { domainName = "nowhere" }))
      other:close()
    end)
  end)
end)
