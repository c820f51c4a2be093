// Node-RED's admin API: password grant without refresh, a reader who may not write.
//
// Option: token_life.
// Protected: GET /settings, POST /flows.

import { count, options, require, serve } from './common.mjs'

const RED = require('node-red')
const bcrypt = require('bcryptjs')

const username = 'admin'
const password = 'admin "quoted" & 50% + ä'
const reader = { username: 'reader', password: "reader's password" }

const user = (username, password, permissions) =>
  ({ username, password: bcrypt.hashSync(password, 4), permissions })

await serve(async (base_url, server) => {
  RED.init(server, {
    adminAuth: {
      type: 'credentials',
      sessionExpiryTime: options.token_life ?? 300,
      users: [
        user(username, password, '*'),
        user(reader.username, reader.password, 'read')
      ]
    },
    credentialSecret: false,
    disableEditor: true,
    editorTheme: { tours: false },
    externalModules: { autoInstall: false, palette: { allowInstall: false } },
    httpAdminMiddleware: (request, response, next) => {
      count(`${request.method} ${request.path}`)
      next()
    },
    httpAdminRoot: '/',
    httpNodeRoot: false,
    logging: { console: { level: 'off' } },
    telemetry: { enabled: false },
    userDir: process.cwd()
  })
  await RED.start()
  return {
    handler: RED.httpAdmin,
    facts: {
      username,
      password,
      reader,
      client_id: 'node-red-admin',
      token_url: `${base_url}/auth/token`,
      revoke_url: `${base_url}/auth/revoke`,
      settings_url: `${base_url}/settings`,
      flows_url: `${base_url}/flows`
    }
  }
})
