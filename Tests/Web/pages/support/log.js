/** A log that shows nothing: its rows are `{ text, kind, more }`, and bubbles `{ message, fate, content }`. */
export class Log {
  element = { hidden: false }
  isFollowing = true
  isBusy = false
  rows = []

  get last() { return this.rows.at(-1) ?? null }
  get hasMessages() { return this.rows.some(({ message }) => message) }

  addLine(text, kind = '', ...more) {
    const line = { text, kind, more, remove: () => this.rows.splice(this.rows.indexOf(line), 1) }
    this.rows.push(line)
    return line
  }

  addMessage(message) {
    const bubble = { message, fate: '', content: [], classList: { contains: fate => bubble.fate === fate } }
    this.rows.push(bubble)
    return bubble
  }

  setFate(bubble, fate, ...content) { Object.assign(bubble, { fate, content }) }
  settle(bubble, ts) { bubble.settledAt = ts }
  putBefore() {}
  markUnread() {}
  unmarkUnread() {}
  addArrivals() {}
  scrollToEnd() {}
  follow() {}
}
