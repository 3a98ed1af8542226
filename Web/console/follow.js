import { unanswered } from './errors.js'
import { span } from './format.js'
import { apiPath, reading } from './request.js'
import { pause } from './repeat.js'
import { EventStream } from './sse.js'

/** A stream that has said nothing for so long is dead: the node says something every 25 s. */
const longestSilence = 60_000

const closeReasons = {
  1012: 'the node goes away',
  4003: 'it was ended by the HTTP API',
  4009: 'this browser reads too slowly',
}

/**
 * Listens to a channel until the signal aborts, and comes back when the stream ends. Read by `fetch`, since
 * `EventSource` cannot show a key. Rejects where coming back is of no use.
 *
 * @param {{ presence: boolean, signal: AbortSignal, take: (event: any) => void, say: (state: string) => void }} options
 */
export async function follow(api, name, { presence, signal, take, say }) {
  const request = reading(apiPath`channels/${name}/events`, { presence: presence ? 'watch' : '' })
  while (!signal.aborted) {
    say('Connecting …')
    const { reason, retry } = await followOnce(api, request, { signal, take, say })
    if (signal.aborted) return
    say(`The stream has ended: ${reason.replace(/\.$/, '')}. What comes meanwhile is missed. Back in ${span(retry)}.`)
    await pause(retry, signal)
  }
}

async function followOnce(api, request, { signal, take, say }) {
  const stream = new EventStream()
  const end = { reason: 'the connection was lost', retry: 0 }
  try {
    const answer = await api.open(request, { signal })
    say('Listening.')
    for await (const text of pieces(answer.body, signal)) {
      for (const event of stream.push(text)) receive(event, end, take)
    }
  } catch (error) {
    if (signal.aborted) return end
    if (error.temporary === false) throw error
    end.reason = error.message
  }
  return { ...end, retry: stream.retry }
}

function receive({ name, data }, end, take) {
  if (name !== 'message') return
  const event = JSON.parse(data)
  if (event.type === 'close') end.reason = closeReasons[event.code] ?? `close code ${event.code}`
  else take(event)
}

/** The text of a body as it comes. */
async function * pieces(body, signal) {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  try {
    while (!signal.aborted) {
      const { done, value } = await beforeSilence(reader.read())
      if (done) return
      yield decoder.decode(value, { stream: true })
    }
  } finally {
    // Ends the connection where it is still open; one that is broken has nothing to end.
    reader.cancel().catch(() => {})
  }
}

function beforeSilence(reading) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(unanswered(true, true)), longestSilence)
    reading.then(resolve, () => reject(unanswered(true, false))).finally(() => clearTimeout(timer))
  })
}
