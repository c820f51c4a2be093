// oidc-provider: client_credentials, password grant, refresh tokens that are good once, revocation,
// introspection. A refresh token that is sent again ends the grant with all its tokens.
//
// Options: token_life, refresh_token_life.
// Protected: GET /me (a user's token), GET /things (any), POST /things (one with the scope "write").

import { count, load, options, reply, serve } from './common.mjs'

const { default: Provider, errors } = await load('oidc-provider')

// What Basic and a form have to encode.
const username = 'anna'
const password = 'anna "quoted" & 50% + ä'
const client_secret = 'client secret: 100% & more'

const token_life = options.token_life ?? 300
const refresh_token_life = options.refresh_token_life ?? 3600

const client = (client_id, method, grant_types) => ({
  client_id,
  client_secret,
  grant_types,
  token_endpoint_auth_method: method,
  scope: 'openid offline_access read write',
  redirect_uris: [],
  response_types: []
})

const configuration = {
  clients: [
    client('basic-client', 'client_secret_basic', ['client_credentials', 'password', 'refresh_token']),
    client('body-client', 'client_secret_post', ['client_credentials', 'password', 'refresh_token']),
    client('user-client', 'client_secret_basic', ['password', 'refresh_token'])
  ],
  features: {
    clientCredentials: { enabled: true },
    revocation: { enabled: true },
    introspection: { enabled: true },
    devInteractions: { enabled: false }
  },
  ttl: {
    AccessToken: token_life,
    ClientCredentials: token_life,
    RefreshToken: refresh_token_life,
    Grant: refresh_token_life
  },
  clockTolerance: 0,
  rotateRefreshToken: true,
  scopes: ['openid', 'offline_access', 'read', 'write', 'admin'], // no client may have the last one
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) })
}

const passwordGrant = async ctx => {
  const { AccessToken, Grant, RefreshToken } = ctx.oidc.provider
  const { client, params } = ctx.oidc
  if (params.username !== username || params.password !== password) {
    throw new errors.InvalidGrant('invalid credentials provided')
  }
  const scope = params.scope ?? 'openid'
  const grant = new Grant({ accountId: username, clientId: client.clientId })
  grant.addOIDCScope(scope)
  const grantId = await grant.save()
  const token = { accountId: username, client, grantId, gty: 'password', scope }
  ctx.body = {
    access_token: await new AccessToken(token).save(),
    expires_in: token_life,
    token_type: 'Bearer',
    refresh_token: await new RefreshToken(token).save(),
    scope
  }
}

// A resource server as RFC 6750 has it, beside the provider.
const things = async (provider, request, response) => {
  const value = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  const refuse = (status, error) => reply(response, status, {
    'www-authenticate': `Bearer realm="things"${error ? `, error="${error}"` : ''}`
  }, error ? { error } : {})
  if (!value) {
    return refuse(401)
  }
  const token = await provider.AccessToken.find(value) ?? await provider.ClientCredentials.find(value)
  if (!token) {
    count('things invalid_token')
    return refuse(401, 'invalid_token')
  }
  if (request.method === 'POST' && !token.scope?.split(' ').includes('write')) {
    return refuse(403, 'insufficient_scope')
  }
  count('things')
  reply(response, 200, {}, { things: ['one', 'two'] })
}

await serve(base_url => {
  const provider = new Provider(base_url, configuration)
  provider.registerGrantType('password', passwordGrant, ['username', 'password', 'scope'])
  provider.on('grant.success', ctx => count(ctx.oidc.params.grant_type))
  provider.on('grant.error', (ctx, error) => count(`${ctx.oidc?.params?.grant_type} ${error.error}`))
  provider.on('grant.revoked', () => count('grant revoked'))
  const answer = provider.callback()
  return {
    handler: (request, response) => request.url === '/things'
      ? things(provider, request, response)
      : answer(request, response),
    facts: {
      username,
      password,
      client_id: 'basic-client',
      body_client_id: 'body-client', // its secret is sent in the body
      user_client_id: 'user-client', // may not use client_credentials
      client_secret,
      token_url: `${base_url}/token`,
      revoke_url: `${base_url}/token/revocation`,
      introspect_url: `${base_url}/token/introspection`,
      me_url: `${base_url}/me`,
      things_url: `${base_url}/things`
    }
  }
})
