import { refused, unanswered } from './errors.js'
import { target } from './request.js'

/** The HTTP API of the node that has served this page. The key lives here, in memory, and nowhere else. */
export class Api {
  #key = null

  /** @param {string} base the address of the API, with a slash at its end */
  constructor(base) {
    this.base = base
  }

  get hasKey() {
    return this.#key !== null
  }

  /** From now on requests show this key; null: none. */
  use(key) {
    this.#key = key
  }

  /**
   * The answer to a request, read as JSON. Rejects with an `ApiError`, or with the signal's reason.
   * @param {import('./request.js').ApiRequest} request
   */
  async ask(request, { signal, timeout = 10_000 } = {}) {
    const limit = deadline(signal, timeout)
    try {
      const answer = await this.#fetch(request, limit.signal)
      return parsedAnswer(answer, await answer.text(), request)
    } catch (error) {
      throw this.#judged(error, request, signal, limit)
    } finally {
      limit.clear()
    }
  }

  /** A stream of the API, once its first bytes are there. It goes on until the signal aborts. */
  async open(request, { signal, timeout = 10_000 } = {}) {
    const limit = deadline(signal, timeout)
    try {
      return await this.#fetch(request, limit.signal)
    } catch (error) {
      throw this.#judged(error, request, signal, limit)
    } finally {
      limit.stopTimer()
    }
  }

  async #fetch(request, signal) {
    const headers = {}
    if (this.#key !== null) headers.Authorization = `Bearer ${this.#key}`
    // A node with --dev takes nothing else from a page, not even without a body: no form of another site can send it.
    if (request.method !== 'GET') headers['Content-Type'] = 'application/json'
    const answer = await fetch(this.base + target(request), {
      method: request.method, body: request.body, headers, signal,
      cache: 'no-store', credentials: 'omit', redirect: 'error',
    })
    if (answer.ok) return answer
    const retryAfter = answer.headers.get('Retry-After')
    throw refused({ status: answer.status, text: await answer.text(), retryAfter, reads: request.method === 'GET' })
  }

  #judged(error, request, signal, limit) {
    if (signal?.aborted) return signal.reason
    if (error.name === 'ApiError') return error
    return unanswered(request.method === 'GET', limit.signal.aborted)
  }
}

/** A proxy may answer with a page of its own although all is well for it. */
function parsedAnswer({ status }, text, { method }) {
  try {
    return JSON.parse(text)
  } catch {
    throw refused({ status, text, retryAfter: null, reads: method === 'GET' })
  }
}

/** A signal that aborts with another one, or when the time is over; `AbortSignal.any` is younger than some browsers. */
function deadline(signal, milliseconds) {
  const controller = new AbortController()
  const abort = () => controller.abort(signal?.reason)
  const timer = setTimeout(abort, milliseconds)
  const stopTimer = () => clearTimeout(timer)
  if (signal?.aborted) abort()
  signal?.addEventListener('abort', abort)
  const clear = () => {
    stopTimer()
    signal?.removeEventListener('abort', abort)
  }
  return { signal: controller.signal, stopTimer, clear }
}
