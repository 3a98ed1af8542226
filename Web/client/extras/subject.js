/** Whom a token names, as it says itself; undefined where it cannot be read. */
export function subjectOf(token) {
  try {
    const text = atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/'))
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (letter) => letter.charCodeAt(0)))).sub
  } catch {}
}
