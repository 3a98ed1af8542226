/** Why a call failed: a code of the protocol, or one of the client's own. */
export class ApusError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {boolean} [temporary] whether the same call may succeed later
   * @param {number} [retryAfter] milliseconds
   */
  constructor(code, message, temporary = false, retryAfter) {
    super(message)
    this.name = 'ApusError'
    this.code = code
    this.temporary = temporary
    this.retryAfter = retryAfter
  }
}

/** A span that a node tells, within what timers can do. */
export const clamped = (value, least = 0) => Math.min(Math.max(value, least) || least, 1e9)

/** The error that an `error` event of the node tells. */
export const told = ({ code, error, temporary, retryAfter }) => new ApusError(code, error, temporary, retryAfter)

export const notConnected = () => new ApusError('not_connected', 'No connection.', true)
export const outcomeUnknown = () => new ApusError('outcome_unknown', 'Sent, not answered.', true)
export const closed = () => new ApusError('closed', 'Closed.')
