import { make, me, unique } from '/demo.js'
import { Log } from './log.js'
import { isOwn } from './words.js'

/**
 * What rooms and private threads have in common: a log, bubbles of our own on their way, and what is unread. Each kind
 * has a `send(data)`, which resolves when a message has gone out, and whether its messages come back by `comesBack`.
 *
 * @typedef {object} Page  what a conversation tells the page, and asks it
 * @property {(one: Conversation) => boolean} isShown
 * @property {() => void} scrolled
 * @property {() => void} counted  what is unread
 * @property {() => void} filled  there is a first message, or it is known that there is none
 * @property {() => void} typing  somebody, or nobody any more
 * @property {() => void} peopled  somebody has come or gone
 * @property {() => void} answered  a button in the log was pressed, which is gone now: the focus needs another place
 */
export class Conversation {
  unread = 0
  /** What stands in the text field while another conversation is shown. */
  draft = ''
  /** Who types now. @type {{ user: string | null, client: string }[]} */
  typists = []
  /** Our bubbles by the ids of their messages, until these come back. @type {Map<string, HTMLElement>} */
  #sent = new Map()

  /** @param {string} name @param {string} label @param {Page} page */
  constructor(name, label, page) {
    this.name = name
    this.page = page
    this.log = new Log(label, () => this.look())
  }

  get isSeen() { return this.page.isShown(this) && this.log.isFollowing && !document.hidden }

  /** Somebody looks at it: what is in sight is read. */
  look() {
    if (this.log.element.hidden) return
    this.log.follow()
    if (this.isSeen) this.setUnread(0)
    this.page.scrolled()
  }

  /** @returns {HTMLElement | null} the bubble, where somebody else has said it */
  take(message) {
    const bubble = isOwn(message) ? this.#sent.get(message.data?.id) : undefined
    if (bubble) this.#confirm(bubble, message)
    const element = bubble ?? this.log.addMessage(message)
    if (!bubble) this.page.filled()
    if (isOwn(message)) return null
    if (!this.isSeen) this.setUnread(this.unread + 1, element)
    return element
  }

  setUnread(unread, message) {
    if (this.unread === unread) return
    if (unread === 1) this.log.markUnread(message)
    this.unread = unread
    this.page.counted()
  }

  /** The bubble is there at once. It is confirmed when the message comes back, and moves to where all others see it. */
  say(text) {
    const data = { text, id: unique() }
    const bubble = this.log.addMessage({ from: me(), data, ts: Date.now() })
    this.page.filled()
    this.log.unmarkUnread()
    this.log.scrollToEnd(true)
    if (this.comesBack) this.#sent.set(data.id, bubble)
    this.#transmit(bubble, data)
  }

  async #transmit(bubble, data) {
    this.log.setFate(bubble, 'pending', 'Sending …')
    try {
      await this.send(data)
      this.log.setFate(bubble, '')
    } catch (error) {
      if (!bubble.classList.contains('pending')) return    // It has come back all the same.
      const reason = error.code === 'outcome_unknown' ? 'It may not have arrived. ' : `Not sent: ${error.message} `
      const again = () => {
        this.#transmit(bubble, data)
        this.page.answered()
      }
      this.log.setFate(bubble, 'failed', reason,
        make('button', { type: 'button', textContent: 'Send again', onclick: again }))
    }
  }

  #confirm(bubble, { data, ts }) {
    this.#sent.delete(data.id)
    this.log.setFate(bubble, '')
    this.log.settle(bubble, ts)
  }
}
