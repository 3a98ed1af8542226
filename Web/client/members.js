/** @param {any} member */
const keyOf = ({ user, client }) => user ?? client

/** Who is in a channel, as the node tells it; each telling is answered by what it has changed. */
export function createMembers() {
  /**
   * By user, else by connection; null where only the count is told.
   * @type {Map<string, import('../apus').Member> | null}
   */
  let map = null
  let count = null
  const told = (joined, left, resync = false) => ({ joined, left, count, resync })
  return {
    map: () => map,
    count: () => count,
    forget() {
      map = count = null
    },

    /** A list of all, or only their count. */
    reset(list) {
      const before = map ?? new Map()
      count = list.count
      map = list.members ? new Map(list.members.map((member) => [keyOf(member), member])) : null
      const missing = (from, other) => [...from.values()].filter((member) => !other.has(keyOf(member)))
      return map ? told(missing(map, before), missing(before, map), true) : told([], [], true)
    },

    /**
     * A join may tell of a member who is in the list already.
     * @param {any} event
     */
    joined({ type, channel, count: now, ...member }) {
      count = now
      const isNew = map && !map.has(keyOf(member))
      if (isNew) map = new Map(map).set(keyOf(member), { ...member, clients: 1 })
      return told(isNew ? [map.get(keyOf(member))] : [], [])
    },

    left({ count: now, ...who }) {
      count = now
      const member = map?.get(keyOf(who))
      if (member) {
        map = new Map(map)
        map.delete(keyOf(who))
      }
      return told([], member ? [member] : [])
    },
  }
}
