import { ApusError } from './errors.js'

/** Where tokens come from; `source` gets one. */
export const createTokens = (source) => {
  let asking

  const give = (token) => (asking = Promise.resolve(token).finally(() => (asking = undefined)))

  async function ask(why) {
    try {
      return (await source(why)) ?? null
    } catch (error) {
      throw new ApusError('no_token', `No token: ${error?.message ?? error}`, true)
    }
  }

  return {
    /** A token or null; fails with `no_token`. Who asks while it is being asked for gets the same. */
    _ask: (why) => asking ?? give(ask(why)),
    /** Who asks now gets this one. */
    _give: give,
  }
}
