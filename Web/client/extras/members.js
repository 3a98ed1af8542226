/** @param {any} member */
const keyOf = ({ user, client }) => user ?? client

/** Who is in a channel, as the node tells it; `changed` is told by each telling what it has changed. */
export const createMembers = (changed) => {
  /**
   * By user, else by connection; null where only the count is told.
   * @type {Map<string, import('../../apus').Member> | null}
   */
  let map = null
  let count = null

  const told = (joined, left, resync = false) => changed({ joined, left, count, resync })

  /** A list of all, or only their count; nothing where it is told no more. */
  function reset(list) {
    const before = map ?? new Map()
    // A node may say anything.
    const all = Array.isArray(list?.members) && list.members.filter(Object)
    map = all ? new Map(all.map((member) => [keyOf(member), member])) : null
    count = list ? list.count : null
    const missing = (from, other) => [...from.values()].filter((member) => !other.has(keyOf(member)))
    if (map) told(missing(map, before), missing(before, map), true)
    else if (list) told([], [], true)
  }

  /**
   * A join may tell of a member who is in the list already.
   * @param {any} event
   */
  function joined({ type, channel, count: now, ...member }) {
    count = now
    const isNew = map && !map.has(keyOf(member))
    if (isNew) map = new Map(map).set(keyOf(member), { ...member, clients: 1 })
    told(isNew ? [map.get(keyOf(member))] : [], [])
  }

  function left({ count: now, ...who }) {
    count = now
    const member = map?.get(keyOf(who))
    if (member) {
      map = new Map(map)
      map.delete(keyOf(who))
    }
    told([], member ? [member] : [])
  }

  const changes = { join: joined, leave: left, members: reset }
  return {
    _map: () => map,
    _count: () => count,
    _reset: reset,
    /** Looks at what comes in the channel; gives whether it was of members. */
    _received(event) {
      const change = changes[event.type]
      change?.(event)
      return !!change
    },
  }
}
