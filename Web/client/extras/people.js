import { createMembers } from './members.js'
import { createTyping } from './typing.js'

/** Who is in a channel and who types there; told by `emit(event, value)`. `signal(event, data)` tells others. */
export const createPeople = (emit, signal) => {
  const members = createMembers((change) => emit('presence', change))
  const typing = createTyping(signal, (typists) => emit('typing', typists))
  return {
    ...members,
    ...typing,
    /** Looks at what comes in the channel; gives whether it was of members. */
    _received(event) {
      typing._received(event)
      return members._received(event)
    },
  }
}
