/** 160 random bits in at most 50 digits. `crypto.randomUUID` is missing on pages of plain http. */
export const makeSecret = () => crypto.getRandomValues(new Uint32Array(5)).join('')
