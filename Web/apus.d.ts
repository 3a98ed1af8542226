/**
 * A client of Apus for browsers, workers, Node, Deno and Bun.
 *
 * It does nothing until it is asked to: `connect`, `subscribe`, `publish` and the other calls dial by themselves, and from
 * then on the connection is kept until `close`.
 */
export class Apus {
  /** `url` is `ws` beside the page where it is left out; `http` and `https` count as `ws` and `wss`. */
  constructor(url?: string | URL, options?: Options)
  readonly state: State
  /** What the node has said of this connection; null without one. */
  readonly clientId: string | null
  readonly node: string | null
  readonly user: string | null
  readonly transport: 'websocket' | 'sse' | 'poll' | null
  /** Milliseconds from the last ping to its pong. */
  readonly latency: number | null
  /** When the next attempt is due, in milliseconds since 1970; null while one is under way. */
  readonly retryAt: number | null
  /** Resolves when connected, and tries until then; `not_connected` after the time-out, while the attempts go on. */
  connect(options?: Wait): Promise<void>
  /** Says goodbye. Offline until somebody calls again. */
  close(): Promise<void>
  /** Drops the connection and dials at once; in a row, once a second. */
  reconnect(): void
  /** Asks for a token anew and shows it: on a new connection where the user is another. */
  renew(): Promise<void>
  /** A handle. All handles of a name share one subscription. */
  channel<T = any>(name: string): Channel<T>
  publish(channel: string, data: unknown, options?: PublishOptions): Promise<Published>
  /** False: not sent. Never waits, and is never repeated. */
  signal(channel: string, event: string, data?: unknown): boolean
  /** A message to all connections of a user. */
  send(user: string, data: unknown, options?: Wait): Promise<{ online: boolean }>
  /** Asks the backend. Rejects with `refused` and the backend's own error as `cause`. */
  request<R = any>(method: string, params?: unknown, options?: Wait): Promise<R>
  /** Attaches a handler; returns what takes it away again. */
  on<E extends keyof Events>(event: E, handler: (value: Events[E]) => void, options?: Attach): () => void
}

export class Channel<T = any> {
  readonly name: string
  readonly state: 'unsubscribed' | 'subscribing' | 'subscribed'
  /** Of the last message handed over, where the channel keeps history. */
  readonly position: Position | null
  /** By user, else by connection; null without presence, and above 200 members. */
  readonly members: ReadonlyMap<string, Member> | null
  readonly count: number | null
  /** Resolves when the node has confirmed, a turn before the first message is handed over. */
  subscribe(options?: SubscribeOptions): Promise<Subscribed>
  unsubscribe(): Promise<void>
  publish(data: T, options?: PublishOptions): Promise<Published>
  /** A binary message, without an answer; false: not sent, as what is too long. */
  publishBytes(bytes: Uint8Array): boolean
  signal(event: string, data?: unknown): boolean
  /** Call it at every keystroke; it ends by itself after two seconds, or with a publish. */
  typing(): void
  history(options?: { limit?: number; since?: Since } & Wait): Promise<History<T>>
  presence(options?: { only?: 'count' } & Wait): Promise<{ members?: Member[]; count: number; truncated?: boolean }>
  /** Messages one by one; subscribes where needed, and leaves with the loop. Ends with `too_slow` when 1,000 wait. */
  messages(options?: SubscribeOptions): AsyncIterableIterator<Message<T>>
  on<E extends keyof ChannelEvents<T>>(event: E, handler: (value: ChannelEvents<T>[E]) => void, options?: Attach): () => void
}

/**
 * Why a call failed: a code of the protocol, or `not_connected` (nothing was sent), `outcome_unknown` (sent and not
 * answered), `queue_full`, `closed`, `no_token`, `refused`, `invalid`.
 */
export class ApusError extends Error {
  code: string
  /** Whether the same call may succeed later. */
  temporary: boolean
  /** Milliseconds. */
  retryAfter?: number
}

export type State = 'offline' | 'connecting' | 'connected' | 'reconnecting'

export interface Options {
  /** A token, or a function that gets one; null connects without. */
  token?: string | ((why: 'connect' | 'expiring' | 'refused') => string | null | Promise<string | null>)
  /** Who one is, at nodes with --dev. */
  user?: string
  /** Milliseconds a call may take, waiting for a connection included: 10,000. */
  timeout?: number
  /** How many calls may wait for a connection: 100. */
  queue?: number
  /** Whether streams and polls are used where WebSockets do not get through: true. */
  fallback?: boolean
  /** Where there is no global one. */
  WebSocket?: typeof WebSocket
  /** Told of what happens; tokens are masked. */
  log?: (what: 'state' | 'in' | 'out' | 'error', detail: unknown) => void
}

export interface Wait {
  /** Milliseconds. */
  timeout?: number
  signal?: AbortSignal
}

export interface PublishOptions extends Wait {
  /** By which the node knows a repetition; `true` makes one up. */
  key?: string | true
  /** False: not to this connection. */
  echo?: boolean
  /** False: fails at once where there is no connection. */
  queue?: boolean
}

export interface SubscribeOptions extends Wait {
  /** Who is there: listed and shown to others (true), or only listed ('watch'). */
  presence?: boolean | 'watch'
  /** What others see of this member; a function gives it anew for each connection. */
  info?: unknown | (() => unknown)
  /** From where on messages are to be caught up with. */
  since?: Since
  /** That many of the last messages first. */
  last?: number
}

/** A position, a time in milliseconds since 1970, or a date. */
export type Since = Position | number | Date

export interface Position {
  epoch: string
  offset: number
}

export interface Published {
  epoch?: string
  offset?: number
  /** A message with this key had been published before. */
  duplicate?: boolean
}

export interface Subscribed {
  channel: string
  epoch?: string
  offset?: number
  /** Whether everything since the last position came; only where one was told. */
  recovered?: boolean
  members?: Member[]
  count?: number
  /** `server` where the node has made the subscription. */
  reason?: string
}

export interface Message<T = any> {
  channel: string
  /** Undefined for a binary message. */
  data: T
  from: string | null
  client?: string
  /** Milliseconds since 1970. */
  ts: number
  offset?: number
  bytes?: Uint8Array
}

export interface Signal {
  channel: string
  event: string
  data?: any
  from: string | null
  client: string
}

export interface Member {
  user: string | null
  /** Of one without a user. */
  client?: string
  /** How many connections the user has here. */
  clients: number
  info?: any
}

export interface History<T = any> {
  messages: Message<T>[]
  /** Where the channel stands. */
  epoch?: string
  offset?: number
  /** Whether messages since the position that was asked for may be missing. */
  reset: boolean
}

export interface Hello {
  clientId: string
  node: string
  user: string | null
  protocol: number
  pingInterval: number
  maxMessageSize: number
}

export interface Events {
  state: { state: State; previous: State; retryAt: number | null; error?: ApusError }
  connected: Hello
  /** The node goes away in that many milliseconds. */
  draining: { after: number }
  latency: number
  direct: { from: string | null; client?: string; data: any; ts: number }
  notification: { data: any; ts: number }
  /** One that belongs to no call: a token not renewed, a channel refused after a reconnect. */
  error: ApusError
}

export interface ChannelEvents<T = any> {
  message: Message<T>
  signal: Signal
  /** `again`: after a reconnect. */
  subscribed: Subscribed & { again: boolean }
  /** Always a difference; `resync` when it comes from a new list. */
  presence: { joined: Member[]; left: Member[]; count: number; resync: boolean }
  /** Everybody else who types now. */
  typing: { user: string | null; client: string }[]
  /** Messages may be missing. */
  gap: { channel: string; epoch?: string; offset?: number }
  /** The node took the subscription away (`reason: 'server'`), or refuses it for good (`error`). */
  ended: { reason?: string; error?: ApusError }
}

export interface Attach {
  once?: boolean
  signal?: AbortSignal
}
