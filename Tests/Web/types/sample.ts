// What programs may write, and, behind `@ts-expect-error`, what they may not.
import { Apus, ApusError, Channel, type Message, type Published } from '../../../Web/apus.js'
import { observable } from '../../../Web/apus-extras.js'

interface Chat {
  text: string
}

const apus = new Apus('wss://example.org/ws', {
  token: async (why) => (why === 'refused' ? null : 'e30.e30.x'),
  queue: 10,
  log: (what, detail) => console.log(what, detail),
})

const room: Channel<Chat> = apus.channel<Chat>('room:1')

async function use(): Promise<void> {
  await apus.connect({ timeout: 1000, signal: new AbortController().signal })
  const { epoch, recovered } = await room.subscribe({ presence: 'watch', since: new Date(), last: 50 })
  const published: Published = await room.publish({ text: `${epoch} ${recovered}` }, { key: true, echo: false })
  const isSent: boolean = room.signal('typing', published)
  for await (const { data, bytes } of room.messages()) console.log(data.text, bytes?.length, isSent)
  const { online } = await apus.send('bob', { any: 'thing' })
  const order = await apus.request<{ id: number }>('orders.get', { id: 1 })
  console.log(online, order.id, room.members?.get('bob')?.clients)
}

const off: () => void = apus.on('state', ({ state, previous, retryAt }) => console.log(state, previous, retryAt))
room.on('message', ({ data, from }: Message<Chat>) => console.log(from, data.text))
room.on('presence', ({ joined, left, count }) => console.log(joined, left, count))
apus.on('error', (error: ApusError) => console.log(error.code, error.temporary), { once: true })
const store = observable(room, { keep: 10 })
store.subscribe((messages) => console.log(messages[0].data.text))
use().finally(off)

// @ts-expect-error it is no channel's event
room.on('joined', () => {})
// @ts-expect-error the data is another
room.publish({ txt: 'a' })
// @ts-expect-error presence is true, false or 'watch'
room.subscribe({ presence: 'all' })
// @ts-expect-error nobody sets it
apus.state = 'connected'
// @ts-expect-error data is needed
apus.publish('room:1')
// @ts-expect-error it is no option
new Apus('/ws', { reconnect: true })
