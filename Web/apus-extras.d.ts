import type { Channel, Message, SubscribeOptions } from './apus.js'

/**
 * Looks like a WebSocket and speaks Server-Sent Events or polls, for networks that let no WebSocket through. `Apus` loads
 * it by itself when it is needed.
 */
export class HttpTransport {
  constructor(url: string | URL, protocols: string[])
  /** How it listens; a proxy that holds streams back makes it poll. */
  readonly kind: 'sse' | 'poll'
  /** Commands that were not sent yet, in letters. */
  readonly bufferedAmount: number
  onopen: ((event: object) => void) | null
  onmessage: ((event: { data: string }) => void) | null
  onerror: ((event: object) => void) | null
  onclose: ((event: { code: number; reason: string }) => void) | null
  send(data: string | Uint8Array): void
  close(code?: number): void
}

/** The last messages of a channel, as `useSyncExternalStore` of React and stores of Svelte want them. */
export interface Observable<T> {
  /**
   * Subscribes the channel while somebody listens; the listener is called at once, and after each message. A turn after the
   * last one has left the store is empty, and begins anew with the next.
   */
  subscribe(listener: (messages: readonly Message<T>[]) => void): () => void
  /** The same array until a message comes, or the store is left. Where messages have offsets, these rise in it. */
  getSnapshot(): readonly Message<T>[]
}

export function observable<T>(channel: Channel<T>, options?: { keep?: number } & SubscribeOptions): Observable<T>
