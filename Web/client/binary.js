/** A binary publish: `01`, how long the channel's name is, the name, the message. */
export function encodeBinary(channel, bytes) {
  const name = new TextEncoder().encode(channel)
  const frame = new Uint8Array(3 + name.length + bytes.length)
  frame.set([1, name.length >> 8, name.length & 255])
  frame.set(name, 3)
  frame.set(bytes, 3 + name.length)
  return frame
}

/** A binary message as an event; `02` has the offset in eight bytes behind the name. */
export function decodeBinary(buffer) {
  const view = new DataView(buffer)
  const end = 3 + view.getUint16(1)
  const hasOffset = view.getUint8(0) === 2
  return {
    type: 'message',
    channel: new TextDecoder().decode(new Uint8Array(buffer, 3, end - 3)),
    from: null,
    ts: Date.now(),
    ...(hasOffset && { offset: Number(view.getBigUint64(end)) }),
    bytes: new Uint8Array(buffer, hasOffset ? end + 8 : end),
  }
}

/** A message as programs get it: of a binary one in JSON the bytes. */
export function withBytes({ type, binary, ...message }) {
  if (binary === undefined) return message
  return { ...message, bytes: Uint8Array.from(atob(binary), (letter) => letter.charCodeAt(0)) }
}

/** A place in a history as commands name it. */
export const asSince = (since) => (since instanceof Date ? since.getTime() : since)
