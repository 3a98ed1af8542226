import { subjectOf } from './subject.js'

/**
 * Asks for a token anew and shows it on the connection that has said `hello`; where it names another user, on a new one.
 * @param {any} ApusError of `apus.js`, since there it is another class than in this file
 */
export async function renew(hello, link, tokens, client, ApusError) {
  const token = await tokens._ask('expiring')
  if (!hello || hello !== link._hello) return
  if (token === null) throw new ApusError('no_token', 'No token.')
  if (subjectOf(token) === hello.user) await client._ask({ type: 'auth', token }, { queue: false })
  else {
    tokens._give(token)
    link._reconnect()
  }
}
