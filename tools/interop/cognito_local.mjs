// cognito-local: AWS Cognito's user pools, with a user and one whose password is a temporary one.
//
// Options: token_life, refresh_token_life (the server does not look at the latter).
// Protected: POST / with the action GetUser, the access token in its body; and GET /things, which
// takes the ID token as AWS's API Gateway does.

import { count, options, reply, require, serve } from './common.mjs'

process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE = '1'

const { createDefaultServer } = require('cognito-local/lib/server')
const pino = require('pino')
const jwt = require('jsonwebtoken')
const key = require('cognito-local/lib/keys/cognitoLocal.public.json')

const username = 'anna@example.com'
const password = 'Anna "quoted" & 50% + ä'
const temporary = { username: 'ben@example.com', password: "Ben's 1st password" }

// As API Gateway's own authorizer answers.
const things = (request, response) => {
  let status = 200
  let data = { things: ['one', 'two'] }
  try {
    const token = jwt.verify(request.headers.authorization ?? '', key.pem, { algorithms: ['RS256'] })
    if (token.token_use !== 'id') {
      throw new Error('not an ID token')
    }
  } catch (error) {
    status = 401
    data = {
      message: error.name === 'TokenExpiredError' ? 'The incoming token has expired' : 'Unauthorized'
    }
  }
  count(`things ${status}`)
  reply(response, status, {}, data)
}

// The answer to an action.
const act = async (base_url, action, data) => {
  const response = await fetch(base_url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `AWSCognitoIdentityProviderService.${action}`
    },
    body: JSON.stringify(data)
  })
  if (!response.ok) {
    throw new Error(`${action}: ${await response.text()}`)
  }
  return response.json()
}

const makeUser = (base_url, UserPoolId, Username, TemporaryPassword) =>
  act(base_url, 'AdminCreateUser',
    { UserPoolId, Username, TemporaryPassword, MessageAction: 'SUPPRESS' })

await serve(async (base_url, server) => {
  const { application } = await createDefaultServer(pino({ level: 'silent' }))
  server.on('request', application)
  const { UserPool: { Id: UserPoolId } } =
    await act(base_url, 'CreateUserPool', { PoolName: 'things' })
  const { UserPoolClient: { ClientId: client_id } } =
    await act(base_url, 'CreateUserPoolClient', {
      UserPoolId,
      ClientName: 'lua',
      AccessTokenValidity: options.token_life ?? 300,
      IdTokenValidity: options.token_life ?? 300,
      RefreshTokenValidity: options.refresh_token_life ?? 3600,
      TokenValidityUnits: { AccessToken: 'seconds', IdToken: 'seconds', RefreshToken: 'seconds' }
    })
  await makeUser(base_url, UserPoolId, username, password)
  await act(base_url, 'AdminSetUserPassword',
    { UserPoolId, Username: username, Password: password, Permanent: true })
  await makeUser(base_url, UserPoolId, temporary.username, temporary.password)
  server.off('request', application)
  return {
    handler: (request, response) => {
      if (request.url === '/things') {
        return things(request, response)
      }
      count(request.headers['x-amz-target'] ?? request.url)
      application(request, response)
    },
    facts: { username, password, temporary, client_id, things_url: `${base_url}/things` }
  }
})
