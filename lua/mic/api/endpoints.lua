--- The endpoints of Telenor's Managed IoT Cloud, as data: the source of the endpoint methods
--- (`client.users`), of pagination, of the command, its completion, the types and docs/api.md.
---
--- Fields of a row:
---   name        "collection.method", or the name of a method of the client; unique
---   method      HTTP method
---   path        below the base URL, with {name}
---   parameters  first arguments, in order: each fills {name} in the path, or is sent in the query
---   query       names of query parameters, given in a table
---   joined      those of them whose lists are joined by commas; other lists repeat the name
---   body        "object": a table is sent as the body. "bytes": the body is a file
---   members     of the body, as far as they are known: an API adds others
---   required    those of `members` (or of the query) without which the API refuses the call
---   fills       true: the parameters are also added to the body
---   find        short form of a search, see mic.api.find: `thing` and `type` are the fields of a
---               term, `type_member` is the member of the body for types ("list" or joined "text"
---               as `type_as`; with `type_values`, only for these types), `time` the field of the
---               range
---   paging      "page", "from", "time", "token", or "one" (a list in one response); nil: no list
---   pages       names of members for mic.api.pages:
---                 items (the list; without it the response is the list), item (the member of an
---                 entry that is returned first), key (member or members that identify an entry),
---                 total (a number, or numbers by the value of a parameter, `total_by`)
---                 "page": page, size, last (number of pages) or more (true but in the last one),
---                 first (number of the first page, 1), page_size (default: none is sent)
---                 "token": token, next, more, size, page_size, encoding (a member that is "url"
---                 if the keys are percent-encoded)
---                 "from": from, size, page_size; window (maximum of from plus size)
---   idempotent  true: retried after a failure; also for a PATCH that sets the same values again
---   open        "login": needs no login; "key": needs no API key either
---   own         true: the client has its own method for it (`client:login`)
---   unnamed     true: no source confirms it; the sandbox has it
---   with        name of the row that is used if arguments are given
---   alias       name of a method of the client that does the same
---   discovery   true: below the address of the stack manifest, not below the base URL
---   confidence  "H", "M" or "L": several sources, one source, not confirmed
---   reply       what `response.data` is
---   summary     one line
---   example     arguments of an example that the sandbox can serve
---
--- Paths that are not known: rules, dashboards, jobs, SMS, search, LoRa.

local USER = { "userName", "firstName", "lastName", "email", "phone", "locale", "company",
  "address", "zip", "city", "country", "roleName", "domainName", "data", "enabled", "notes1",
  "notes2", "notes3" }

local FOUND = { items = "hits.hits", item = "_source", total = "hits.total",
  key = { "_index", "_type", "_id" }, window = 10000, page_size = 500 }

return {
  -- users
  { name = "users.list", method = "GET", path = "/users",
    query = { "attributes", "freeText", "category", "page", "size", "sortProp" },
    joined = { "attributes" },
    paging = "page",
    pages = { items = "users", total = "metadata.count", key = "userName", page = "page",
      size = "size", last = "totalPages",
      total_by = { parameter = "category", default = "active", unless = "freeText" } },
    idempotent = true, confidence = "H", reply = "users, totalPages, page, metadata.count",
    summary = "Lists users; all of them if size is not given",
    example = '{ category = "all", attributes = { "userName", "email" } }' },
  { name = "users.get", method = "GET", path = "/users/{userName}", parameters = { "userName" },
    query = { "attributes" }, joined = { "attributes" },
    idempotent = true, confidence = "H", reply = "the user",
    summary = "Reads a user",
    example = '"anna"' },
  { name = "users.me", method = "GET", path = "/user", alias = "whoami",
    query = { "attributes" }, joined = { "attributes" },
    idempotent = true, confidence = "H", reply = "the user",
    summary = "Reads the user who is logged in",
    example = "" },
  { name = "users.create", method = "POST", path = "/users", body = "object", members = USER,
    required = { "userName", "roleName", "domainName" },
    idempotent = false, confidence = "H", reply = "the user",
    summary = "Creates a user",
    example = '{ userName = "kari", roleName = "Read", domainName = "root" }' },
  { name = "users.update", method = "PATCH", path = "/users/{userName}",
    parameters = { "userName" }, body = "object", members = USER,
    idempotent = true, confidence = "M", reply = "the user",
    summary = "Changes members of a user; `mic.null` deletes a member",
    example = '"anna", { city = "Oslo", notes1 = mic.null }' },
  { name = "users.update_profile", method = "PATCH", path = "/users/{userName}/profile",
    parameters = { "userName" }, body = "object", members = USER,
    idempotent = true, confidence = "M", reply = "the user",
    summary = "Changes members of the user who is logged in",
    example = '"demo", { company = "Example" }' },
  { name = "users.update_data", method = "PATCH", path = "/users/{userName}/data",
    parameters = { "userName" }, body = "object",
    idempotent = true, confidence = "M", reply = "userdata",
    summary = "Changes the custom data of a user",
    example = '"anna", { theme = "dark" }' },
  { name = "users.delete", method = "DELETE", path = "/users/{userName}",
    parameters = { "userName" },
    idempotent = true, confidence = "M", reply = "no body",
    summary = "Deletes a user",
    example = '"kari"' },
  { name = "users.reset_password", method = "POST", path = "/users/{userName}/reset-password",
    parameters = { "userName" }, fills = true,
    idempotent = false, confidence = "M", reply = "an empty object",
    summary = "Disables a user's account until a new password is set",
    example = '"nina"' },
  { name = "users.revoke_consent", method = "POST", path = "/users/{userName}/revoke-consent",
    parameters = { "userName" },
    idempotent = false, confidence = "M", reply = "an empty object",
    summary = "Revokes a user's consent",
    example = '"anna"' },

  -- things
  { name = "things.get", method = "GET", path = "/things", parameters = { "thingName" },
    idempotent = true, confidence = "H", reply = "the thing, with its shadow if it has reported",
    summary = "Reads a thing",
    example = '"00001570"' },
  { name = "things.find", method = "POST", path = "/things/find", body = "object",
    members = { "query", "type" }, required = { "query" },
    find = { thing = "thingName", type = "thingType", type_member = "type", type_as = "text",
      type_values = { "thing", "sub_thing" } },
    paging = "from", pages = FOUND,
    idempotent = true, confidence = "H", reply = "an Elasticsearch response",
    summary = "Searches things",
    example = '{ type = "191", size = 5 }' },
  { name = "things.create", method = "POST", path = "/things", body = "object",
    members = { "thingType", "domain", "thingName", "label", "description", "externalId",
      "simulated", "parentThingName", "protocol", "imei", "imsi" },
    required = { "thingType", "domain" },
    idempotent = false, confidence = "H", reply = "the thing",
    summary = "Creates a thing",
    example = '{ thingType = "191", domain = "root", label = "Door" }' },

  -- thing types
  { name = "thing_types.list", method = "GET", path = "/thingtypes",
    query = { "attributes" }, joined = { "attributes" },
    paging = "one", pages = { items = "thingtypes", key = "id" },
    idempotent = true, confidence = "H", reply = "a list of thing types",
    summary = "Lists thing types",
    example = "" },
  { name = "thing_types.get", method = "GET", path = "/thingtypes/{id}", parameters = { "id" },
    idempotent = true, confidence = "H", reply = "the thing type",
    summary = "Reads a thing type",
    example = '"191"' },
  { name = "thing_types.create", method = "POST", path = "/thingtypes", body = "object",
    members = { "id", "domain", "label", "description", "resources", "virtualResources",
      "readOnly", "lockMappings" },
    required = { "id", "domain" },
    idempotent = false, confidence = "H", reply = "the thing type",
    summary = "Creates a thing type",
    example = '{ id = "lamp", domain = "root", label = "Lamp" }' },

  -- observations, events
  { name = "observations.find", method = "POST", path = "/observations/find", body = "object",
    members = { "query", "queryScope" }, required = { "query" },
    find = { thing = "thingName", type_member = "queryScope.thingTypes", type_as = "list",
      time = "timestamp" },
    paging = "time", pages = FOUND,
    idempotent = true, confidence = "H", reply = "an Elasticsearch response",
    summary = "Searches observations",
    example = '{ thing = "00001570", since = -86400 }' },
  { name = "events.find", method = "POST", path = "/events/find", body = "object",
    members = { "query" }, required = { "query" },
    find = { thing = "source.thingName", type = "source.thingType", time = "timestamp" },
    paging = "time", pages = FOUND,
    idempotent = true, confidence = "L", reply = "an Elasticsearch response",
    summary = "Searches events",
    example = '{ since = -86400 }' },
  { name = "events.acknowledge", method = "POST", path = "/events/{id}/acknowledge",
    parameters = { "id" },
    idempotent = false, confidence = "H", reply = "not documented",
    summary = "Acknowledges an event",
    example = '"0a1b2c3d-0000-4000-8000-000000000001"' },

  -- resources, domains
  { name = "resources.list", method = "GET", path = "/resources",
    query = { "include" }, joined = { "include" },
    idempotent = true, confidence = "H", reply = "resources, by thing type",
    summary = "Lists the resources of all thing types",
    example = '{ include = "metadata" }' },
  { name = "resources.get", method = "GET", path = "/resources/{thingType}",
    parameters = { "thingType" }, query = { "include" }, joined = { "include" },
    idempotent = true, confidence = "H", reply = "resources",
    summary = "Lists the resources of a thing type",
    example = '"191"' },
  { name = "domains.tree", method = "GET", path = "/domains",
    query = { "attributes" }, joined = { "attributes" },
    idempotent = true, confidence = "H", reply = "nested domains, by id",
    summary = "Reads the tree of domains",
    example = '{ attributes = { "name", "description" } }' },
  { name = "domains.list", method = "GET", path = "/domains/list", with = "domains.list_below",
    idempotent = true, confidence = "H", reply = "the top domains",
    summary = "Lists the top domains",
    example = "" },
  { name = "domains.list_below", method = "GET", path = "/domains/{id}/list",
    parameters = { "id" },
    idempotent = true, confidence = "M", reply = "the domains below it",
    summary = "Lists the domains below a domain; the same as domains:list(id)",
    example = '"root"' },
  { name = "domains.get", method = "GET", path = "/domains/{id}", parameters = { "id" },
    idempotent = true, confidence = "M", reply = "the domain",
    summary = "Reads a domain",
    example = '"root"' },

  -- files
  { name = "files.list", method = "GET", path = "/files",
    query = { "listAll", "public", "root", "thingName", "thingType", "prefix", "maxKeys",
      "continuationToken" },
    paging = "token",
    pages = { items = "files", key = "Key", token = "continuationToken",
      next = "nextContinuationToken", more = "isTruncated", size = "maxKeys", page_size = 1000,
      encoding = "encodingType" },
    idempotent = true, confidence = "H", reply = "files, isTruncated, nextContinuationToken",
    summary = "Lists files; needs exactly one of listAll, public, root, thingName, thingType",
    example = '{ listAll = true, maxKeys = 10 }' },
  { name = "files.download", method = "GET", path = "/files/{key}", parameters = { "key" },
    unnamed = true,
    idempotent = true, confidence = "L", reply = "the bytes of the file",
    summary = "Reads a file",
    example = '"public/terms.txt"' },
  { name = "files.upload", method = "PUT", path = "/files/{key}", parameters = { "key" },
    body = "bytes", unnamed = true,
    idempotent = true, confidence = "L", reply = "the file",
    summary = "Writes a file",
    example = '"public/new.txt"' },
  { name = "files.delete", method = "DELETE", path = "/files/{key}", parameters = { "key" },
    unnamed = true,
    idempotent = true, confidence = "L", reply = "no body",
    summary = "Deletes a file",
    example = '"public/new.txt"' },

  -- thing batches, thing groups, permissions
  { name = "thing_batches.create", method = "POST", path = "/thingbatches", body = "object",
    members = { "thingType", "domain", "requestedSize", "concurrency", "protocol",
      "identityCodes" },
    required = { "thingType", "domain", "requestedSize" },
    idempotent = false, confidence = "H", reply = "batchId",
    summary = "Creates 1 to 1000 things in the background",
    example = '{ thingType = "191", domain = "root", requestedSize = 3 }' },
  { name = "thing_groups.create", method = "POST", path = "/thing-groups", body = "object",
    members = { "domain", "description", "parent" }, required = { "domain", "description" },
    idempotent = false, confidence = "H", reply = "the group",
    summary = "Creates a thing group",
    example = '{ domain = "root", description = "Doors" }' },
  { name = "thing_groups.update", method = "PATCH", path = "/thing-groups/{id}",
    parameters = { "id" }, body = "object", members = { "description" },
    required = { "description" },
    idempotent = true, confidence = "H", reply = "the group",
    summary = "Changes the description of a thing group",
    example = '"group-1", { description = "Gates" }' },
  { name = "permissions.create_privilege", method = "POST", path = "/permissions/privileges",
    body = "object",
    members = { "roleId", "objectName", "domainId", "name", "create", "read", "update", "delete" },
    required = { "roleId", "objectName" },
    idempotent = false, confidence = "H", reply = "the privilege",
    summary = "Gives a role a privilege",
    example = '{ roleId = "ReadWrite", objectName = "Things", domainId = "root", read = 1 }' },

  -- GraphQL
  { name = "graphql", method = "POST", path = "/graphql", body = "object",
    members = { "query", "variables" }, required = { "query" },
    idempotent = false, confidence = "H", reply = "data, possibly errors",
    summary = "Runs a GraphQL query",
    example = [['query ($name: String!) { thing(thingName: $name) { label } }',
  { name = "00001570" }]] },

  -- login, accounts
  { name = "login", method = "POST", path = "/auth/login", body = "object", own = true,
    members = { "userName", "password" }, required = { "userName", "password" }, open = "login",
    idempotent = false, confidence = "H", reply = "user, credentials, permissions",
    summary = "Logs in" },
  { name = "refresh", method = "POST", path = "/auth/refresh", body = "object", own = true,
    members = { "refreshToken" }, required = { "refreshToken" }, open = "login",
    idempotent = false, confidence = "H", reply = "user, credentials, permissions",
    summary = "Refreshes the token" },
  { name = "auth.sign_up", method = "POST", path = "/auth/sign-up", body = "object",
    open = "login",
    members = { "userName", "password", "email", "consent", "firstName", "lastName", "phone",
      "locale", "company", "address", "zip", "city", "country", "data" },
    required = { "userName", "password", "email" },
    idempotent = false, confidence = "H", reply = "the user",
    summary = "Signs up a new user",
    example = [[{ userName = "ola", password = "correct horse", email = "ola@example.com",
  consent = true }]] },
  { name = "auth.confirm", method = "POST", path = "/auth/confirm-sign-up", body = "object",
    open = "login", members = { "token", "userName", "code" },
    idempotent = false, confidence = "H", reply = "an empty object",
    summary = "Confirms a sign-up, with token or with userName and code",
    example = '{ userName = "ola", code = "123456" }' },
  { name = "auth.resend_code", method = "POST", path = "/auth/resend-confirmation-code",
    body = "object", open = "login", members = { "userName" }, required = { "userName" },
    idempotent = false, confidence = "H", reply = "an empty object",
    summary = "Sends the confirmation code again",
    example = '{ userName = "ola" }' },
  { name = "auth.forgot_password", method = "POST", path = "/auth/forgot-password",
    body = "object", open = "login", members = { "userName" }, required = { "userName" },
    idempotent = false, confidence = "H", reply = "an empty object",
    summary = "Sends a link to set a new password",
    example = '{ userName = "anna" }' },
  { name = "auth.set_password", method = "POST", path = "/auth/set-password", body = "object",
    open = "login", members = { "token", "userName", "code", "password" },
    required = { "password" },
    idempotent = false, confidence = "H", reply = "an empty object",
    summary = "Sets a new password, with token or with userName and code",
    example = '{ userName = "anna", code = "123456", password = "battery staple" }' },
  { name = "auth.consent", method = "POST", path = "/auth/consent", body = "object",
    open = "login", members = { "userName", "password" },
    required = { "userName", "password" },
    idempotent = false, confidence = "H", reply = "an empty object",
    summary = "Gives the consent that the API asks for",
    example = '{ userName = "ola", password = "correct horse" }' },
  { name = "auth.consent_document", method = "GET", path = "/auth/get-consent-document",
    open = "login",
    idempotent = true, confidence = "H", reply = "url, version",
    summary = "Reads the address of the consent document",
    example = "" },

  -- about the API
  { name = "manifest", method = "GET", path = "/metadata/manifest", open = "key",
    idempotent = true, confidence = "H",
    reply = "ApiKey, IotEndpoint, IotEndpointATS, IdentityPool, UserPool, Region",
    summary = "Reads the manifest of the API",
    example = "" },
  { name = "swagger", method = "GET", path = "/metadata/swagger", open = "key",
    idempotent = true, confidence = "M", reply = "a Swagger 2.0 document",
    summary = "Reads the Swagger document of the API",
    example = "" },
  { name = "stack_manifest", method = "GET", path = "/manifest/", open = "key", discovery = true,
    parameters = { "hostname" },
    idempotent = true, confidence = "H", reply = "strings by name; empty for an unknown host",
    summary = "Reads the manifest of a stack, by its host name",
    example = '"startiot.mic.telenorconnexion.com"' },
}
