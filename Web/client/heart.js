import { isHidden } from './page.js'

const PATIENCE = 10_000
/** When a timer has run late, what waits in the socket has this long to be heard. */
const GRACE = 1_000

/**
 * Looks whether one connection lives: `ping()` every `interval` milliseconds, and `dead()` when nothing at all came after one.
 * While the page is hidden nothing is judged: timers are late then.
 */
export const createHeart = (interval, ping, dead) => {
  let next, check, sent, isUnanswered

  function judgeIn(delay) {
    const due = Date.now() + delay
    check = setTimeout(() => {
      if (!isUnanswered || isHidden()) return
      if (Date.now() - due > GRACE) judgeIn(GRACE)
      else dead()
    }, delay)
  }

  const heart = {
    /** A ping now, that has to be answered in so many milliseconds. */
    _beat(patience = PATIENCE) {
      heart._stop()
      next = setTimeout(heart._beat, interval)
      if (isHidden()) return
      sent = Date.now()
      isUnanswered = true
      ping()
      judgeIn(patience)
    },
    /** Something has come. */
    _heard() {
      isUnanswered = false
    },
    /** Milliseconds since the last ping. */
    _since: () => Date.now() - sent,
    _stop() {
      clearTimeout(next)
      clearTimeout(check)
    },
  }
  return heart
}
