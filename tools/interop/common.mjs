// What the servers have in common. Each listens on a free port of 127.0.0.1, keeps its files in the
// current folder, prints one line of JSON when it answers, and ends on SIGTERM. Its argument, if
// any, is JSON: lives in seconds.

import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

process.on('SIGTERM', () => process.exit(0))

export const options = JSON.parse(process.argv[2] ?? '{}')

// The modules that are installed in build/interop.
export const require = createRequire(new URL('../../build/interop/package.json', import.meta.url))
export const load = name => import(pathToFileURL(require.resolve(name)))

const counters = {}

// GET /counters shows how often each key was counted.
export const count = key => {
  counters[key] = (counters[key] ?? 0) + 1
}

export const reply = (response, status, headers, data) => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(data))
}

// Listens, makes the handler of requests for that address, prints the facts.
export const serve = async make => {
  const server = createServer()
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  const base_url = `http://127.0.0.1:${server.address().port}`
  const { handler, facts } = await make(base_url, server)
  server.on('request', (request, response) => {
    if (request.url === '/counters') {
      reply(response, 200, {}, counters)
    } else {
      handler(request, response)
    }
  })
  console.log(JSON.stringify({ base_url, ...facts }))
}
