/** Views stand in the hash, as `#channel?name=room:1`: so a link is a view. The key is never there. */

/** @returns {{ view: string, parameters: Record<string, string> }} */
export function parseRoute(hash) {
  const [, view, query = ''] = /^#?([^?]*)\??(.*)$/s.exec(hash)
  return { view, parameters: Object.fromEntries(new URLSearchParams(query)) }
}

/** The hash of a view; parameters that are empty are left out. */
export function routeTo(view, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== '')
  const query = new URLSearchParams(given).toString().replace(/%3A/g, ':')
  return query ? `#${view}?${query}` : `#${view}`
}

/** Notes what is shown, without opening it anew. */
export function noteRoute(view, parameters) {
  history.replaceState(null, '', routeTo(view, parameters))
}
