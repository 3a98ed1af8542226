import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, connect } from 'node:net'
import { createInterface } from 'node:readline'
import { Apus } from '../../../Web/client/apus.js'

const BINARY = process.env.APUS_BINARY ?? new URL('../../../.build/release/apus', import.meta.url).pathname

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}

/** A process that ends with the test. */
function start(test, command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  test.after(() => child.kill('SIGKILL'))
  return child
}

export async function startRedis(test) {
  const port = await freePort()
  const redis = start(test, 'redis-server', ['--port', port, '--save', '', '--bind', '127.0.0.1'])
  for await (const line of createInterface(redis.stdout)) if (line.includes('Ready to accept')) break
  return `redis://127.0.0.1:${port}`
}

/** A node with --dev; alone, or in the cluster of that Redis. */
export async function startNode(test, { redis, options = [] } = {}) {
  const port = await freePort()
  const more = redis ? ['--redis', redis] : []
  const child = start(test, BINARY, ['serve', '--dev', '--port', port, '--rate', 0, '--drain', '1s', ...more, ...options])
  const url = `http://127.0.0.1:${port}`
  for (let attempt = 0; ; attempt++) {
    try {
      if ((await fetch(`${url}/readyz`)).ok) break
    } catch {}
    if (attempt > 200) throw new Error(`the node did not start: ${BINARY}`)
    await sleep(50)
  }
  return { url, port, ws: `ws://127.0.0.1:${port}/ws`, process: child }
}

export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Waits until something holds; what it was last is in the error. */
export async function until(holds, within = 15_000) {
  const end = Date.now() + within
  let value
  while (Date.now() < end) {
    if ((value = await holds())) return value
    await sleep(20)
  }
  throw new Error(`it never came: ${holds}`)
}

/** A TCP proxy: `target` may change, `cut()` ends its connections, and those whose request `refuses` are ended. */
export async function startProxy(test, target, refuses = () => false) {
  const proxy = { target, sockets: new Set(), isHeld: false }
  const server = createServer((client) => {
    const node = connect(proxy.target.port, '127.0.0.1')
    proxy.sockets.add(client)
    for (const [from, to] of [[client, node], [node, client]]) {
      from.on('data', (data) => {
        if (from === client && refuses(String(data))) return client.destroy()
        if (!proxy.isHeld) to.write(data)
      })
      from.on('error', () => {})
      from.on('close', () => {
        to.destroy()
        proxy.sockets.delete(client)
      })
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  test.after(() => {
    server.close()
    proxy.cut()
  })
  proxy.cut = () => proxy.sockets.forEach((socket) => socket.destroy())
  proxy.ws = `ws://127.0.0.1:${server.address().port}/ws`
  return proxy
}

const isWebSocket = (request) => /^upgrade: websocket/im.test(request)

/** A proxy behind which a client can have that transport alone. */
export function proxyFor(test, transport, node) {
  if (transport === 'poll') playBrowserWithoutLocks(test)
  return startProxy(test, node, transport === 'websocket' ? undefined : isWebSocket)
}

/** A client that ends with the test; `errors` has what it told of. */
export function clientOf(test, url, options) {
  const client = new Apus(url, { user: 'alice', ...options })
  test.after(() => client.close())
  client.errors = []
  client.on('error', (error) => client.errors.push(`${error.code}: ${error.message}`))
  return client
}

/** The data of a channel's messages, and its gaps. */
export function collect(channel) {
  const told = []
  channel.on('message', ({ data }) => told.push(data))
  channel.on('gap', () => told.push('gap'))
  return told
}

/** Where nobody knows how many streams the other tabs hold. */
function playBrowserWithoutLocks(test) {
  const { navigator } = globalThis
  globalThis.document = { visibilityState: 'visible' }
  Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true })
  test.after(() => {
    delete globalThis.document
    Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true })
  })
}
