/** 24 letters of base64url that nobody guesses. `crypto.randomUUID` is missing on pages of plain http. */
export function randomLetters() {
  const letters = String.fromCharCode(...crypto.getRandomValues(new Uint8Array(18)))
  return btoa(letters).replace(/\+/g, '-').replace(/\//g, '_')
}
