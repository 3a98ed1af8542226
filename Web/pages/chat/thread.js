import { Conversation } from './conversation.js'

/** A talk with one other user, by messages to that user alone. */
export class Thread extends Conversation {
  comesBack = false
  /** Whether we have a part in it; anybody may write to us. */
  isOurs = false
  #client

  /**
   * @param {string} user @param {import('../../apus.d.ts').Apus} client
   * @param {import('./conversation.js').Page} page
   */
  constructor(user, client, page) {
    super(user, `Messages between you and ${user}`, page)
    this.#client = client
    this.log.addLine(`Only you and ${user} see this. Nothing of it is kept.`)
  }

  say(text) {
    this.isOurs = true
    super.say(text)
  }

  async send(data) {
    const { online } = await this.#client.send(this.name, data)
    if (!online) throw new Error(`${this.name} is not here.`)
  }
}
