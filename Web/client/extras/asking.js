import { asSince, withBytes } from '../binary.js'

const ask = (client, type, channel, members, wait) => client._ask({ type, channel, ...members }, wait)

/** @param {any} options */
export async function history(client, channel, options) {
  const { limit, since, ...wait } = options ?? {}
  const answer = await ask(client, 'history', channel, { limit, since: asSince(since) }, wait)
  const { epoch, offset, reset = false, messages } = answer
  return { epoch, offset, reset, messages: messages.map(withBytes) }
}

/** @param {any} options */
export async function presence(client, name, options) {
  const { only, ...wait } = options ?? {}
  const { type, id, channel, ...answer } = await ask(client, 'presence', name, { only }, wait)
  return answer
}
