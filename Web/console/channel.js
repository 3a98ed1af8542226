import { card, make, outcome, setText, viewHeading } from './elements.js'
import { count, listed, span } from './format.js'
import { ChannelHistory } from './history.js'
import { Members } from './members.js'
import { apiPath, reading } from './request.js'
import { repeat } from './repeat.js'
import { routeTo } from './routes.js'
import { Tail } from './tail.js'

/** One channel: how it stands, its rule, its members by node, its history, and what comes in it now. */
export function channelView(app, { name = '' }, signal) {
  const facts = factList(['Listeners', 'Members', 'History', 'Rule'])
  const result = outcome()
  const acts = make('p', { className: 'row' })
  const parts = make('div', { className: 'stack' })
  let shown = null

  repeat(async () => {
    try {
      const channel = await app.api.ask(reading(apiPath`channels/${name}`), { signal })
      if (shown === null) {
        acts.append(...channelActs(app, channel))
        shown = openParts(app, channel, parts, signal)
      }
      facts.update(describe(channel))
      shown.update(channel)
      result.say(channel.partial ? `Listeners on ${listed(channel.partial)} are missing.` : '')
    } catch (error) {
      if (!signal.aborted) result.fail(error.message)
    }
  }, 2_000, signal)

  const back = make('p', {}, make('a', { href: '#channels' }, 'All channels'))
  const standing = card('Summary', facts.element, result.element, acts)
  return [viewHeading(name || 'A channel'), back, standing, parts]
}

/** What there is of it is said by the rule. */
function openParts(app, channel, parent, signal) {
  const { presence, history } = channel.rule
  const tail = new Tail(app, channel, signal)
  const kept = history ? new ChannelHistory(app, channel, signal) : null
  const members = presence ? new Members(app, channel, signal) : null
  parent.append(make('div', { className: 'pair' }, tail.element, kept?.element ?? null))
  if (members) parent.append(members.element)
  return { update: newest => members?.update(newest) }
}

function describe({ subscribers, members, rule, history }) {
  return [
    count(subscribers),
    rule.presence ? count(members) : 'no presence by its rule',
    history && rule.history ? historyInWords(history, rule.history) : 'none by its rule',
    `${rule.match}: publish ${rule.publish}, subscribe ${rule.subscribe}, signal ${rule.signal}; ` +
      `slow readers: ${rule.overflow}${rule.last ? '; the last message first' : ''}`,
  ]
}

function historyInWords({ kept, offset, epoch }, { size, ttl }) {
  const rule = `at most ${count(size)}, for ${span(ttl)} after the newest`
  return `${count(kept)} kept (${rule}); offset ${count(offset)}, epoch ${epoch}`
}

function factList(titles) {
  const values = titles.map(() => make('dd', {}))
  const element = make('dl', { className: 'facts' }, titles.map((title, index) => {
    return make('div', {}, make('dt', {}, title), values[index])
  }))
  return { element, update: texts => texts.forEach((text, index) => setText(values[index], text)) }
}

/** What may be done with it; nothing with a key that only reads. */
function channelActs({ mayAct }, { name, rule }) {
  if (!mayAct) return []
  const link = (action, text) => make('a', { href: routeTo('act', { do: action, channel: name }) }, text)
  const links = [link('publish', 'Publish'), link('put', 'Put a user into it')]
  return rule.history ? [...links, link('delete-history', 'Delete its history')] : links
}
