import { isHidden } from './page.js'

const PATIENCE = 10_000
/** When a timer has run late, what waits in the socket has this long to be heard. */
const GRACE = 1_000

/**
 * Looks whether one connection lives: `ping()` every `interval` milliseconds, and `dead()` when nothing at all came after one.
 * While the page is hidden nothing is judged: timers are late then.
 */
export function createHeart(interval, { ping, dead }) {
  let next, check, sent, isUnanswered

  function judgeAt(due) {
    check = setTimeout(() => {
      if (!isUnanswered || isHidden()) return
      if (Date.now() - due > GRACE) judgeAt(Date.now() + GRACE)
      else dead()
    }, due - Date.now())
  }

  const heart = {
    /** A ping now, that has to be answered in so many milliseconds. */
    beat(patience = PATIENCE) {
      heart.stop()
      next = setTimeout(() => heart.beat(), interval)
      if (isHidden()) return
      sent = Date.now()
      isUnanswered = true
      ping()
      judgeAt(sent + patience)
    },
    /** Something has come. */
    heard() {
      isUnanswered = false
    },
    /** Milliseconds since the last ping. */
    since: () => Date.now() - sent,
    stop() {
      clearTimeout(next)
      clearTimeout(check)
    },
  }
  return heart
}
