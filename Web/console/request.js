/**
 * Requests of the HTTP API as plain values: what is sent and what is shown as `curl` is the same thing.
 *
 * @typedef {{ method: string, path: string, query?: Record<string, string | number>, body?: string }} ApiRequest
 * `path` stands below `/api/`. `body` is JSON text, so that numbers and spaces stay as they were typed.
 */

/** A path: names put in by `${…}` are percent-encoded. */
export function apiPath(parts, ...names) {
  return names.reduce((text, name, index) => text + encodeName(name) + parts[index + 1], parts[0])
}

function encodeName(name) {
  // A browser takes these for steps in the path, even when they are encoded, and would ask for something else.
  if (name === '.' || name === '..') throw new RangeError(`A browser cannot ask for the name "${name}".`)
  return encodeURIComponent(name).replace(/%3A|%40/g, decodeURIComponent)
}

/** @returns {ApiRequest} Members of the query that are undefined or empty are left out. */
export function reading(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
  return { method: 'GET', path, query: Object.fromEntries(given) }
}

/** What stands behind `/api/`. */
export function target({ path, query }) {
  const text = new URLSearchParams(query).toString()
  return text ? `${path}?${text}` : path
}

/**
 * A JSON object as text. Values are JSON text already; those that are undefined are left out.
 * @param {Record<string, string | undefined>} members
 */
export function jsonObject(members) {
  const given = Object.entries(members).filter(([, value]) => value !== undefined)
  return `{${given.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`
}

/**
 * The command that does the same in a terminal. The key is never in it: the shell puts it in.
 * @param {ApiRequest} request
 * @param {{ base: string, hasKey: boolean }} where `base` is the address of the API, with a slash at its end
 */
export function curl(request, { base, hasKey }) {
  const { method, body } = request
  const isPlain = method === 'GET' || method === 'POST' && body !== undefined
  const words = [
    isPlain ? 'curl' : `curl -X ${method}`,
    hasKey ? '-H "Authorization: Bearer $APUS_API_KEY"' : null,
    body === undefined ? null : `-d ${shellQuoted(body)}`,
    shellQuoted(base + target(request)),
  ]
  return words.filter(word => word !== null).join(' \\\n  ')
}

function shellQuoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`
}
