/** Why a request of the API was not done, and what to do about it. */

export class ApiError extends Error {
  /**
   * @param {{ status: number, code: string, reason: string, retryAfter?: number, reads?: boolean }} what
   * `status` is 0 where there was no answer; `retryAfter` is in seconds; `reads` tells that repeating it does no harm.
   */
  constructor({ status, code, reason, retryAfter, reads = true }) {
    super(`${reason} ${advice({ status, code, retryAfter, reads })}`.trim())
    this.name = 'ApiError'
    /** What has happened, without the advice. */
    this.reason = reason
    this.status = status
    this.code = code
    /** Whether the same request may succeed later. */
    this.temporary = status === 0 || status === 429 || status >= 500
  }
}

const unknownOutcome = 'It may or may not have been done: look before you repeat it.'

function advice({ status, code, retryAfter, reads }) {
  const later = `Try again ${retryAfter ? `in ${retryAfter} s` : 'in a moment'}.`
  if (status === 0) return reads ? 'Is it running?' : unknownOutcome
  if (code === 'unauthenticated') return 'A key is one of those given by --api-key or --api-read-key at the start.'
  // A proxy does not say how far a request has come.
  if (status === 504 || code === 'unknown' && status >= 500) return reads ? later : unknownOutcome
  if (status === 503) return reads ? later : `Nothing was done. ${later}`
  if (status === 429) return later
  if (status === 500) return 'Look into the log of the node.'
  return ''
}

/** @returns {ApiError} Where nobody has answered. */
export function unanswered(reads, timedOut) {
  const reason = timedOut ? 'The node has not answered in time.' : 'The node cannot be reached.'
  return new ApiError({ status: 0, code: timedOut ? 'timeout' : 'unreachable', reason, reads })
}

/**
 * The error that an answer tells. A proxy may have given it, in another form than the API's.
 * @param {{ status: number, text: string, retryAfter: string | null, reads: boolean }} answer
 */
export function refused({ status, text, retryAfter, reads }) {
  const { code, error } = parsed(text)
  const reason = error ?? `Something in front of the node has answered with status ${status}: look at the proxy.`
  return new ApiError({ status, code: code ?? 'unknown', reason, retryAfter: Number(retryAfter) || undefined, reads })
}

function parsed(text) {
  try {
    const { code, error } = JSON.parse(text)
    return typeof error === 'string' ? { code, error } : {}
  } catch {
    return {}
  }
}
