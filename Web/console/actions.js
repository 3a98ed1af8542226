import { plural, listed } from './format.js'
import { apiPath, jsonObject } from './request.js'

/**
 * What a person may do to the cluster. `request` makes of the filled-in fields what is sent. `question` stands where
 * something cannot be taken back: it is asked first.
 *
 * @typedef {{ name: string, label: string, kind: 'text' | 'json' | 'check', isOptional?: boolean, hint?: string,
 *   longest?: number, initial?: string }} Field
 * @typedef {{ id: string, title: string, about: string, button: string, fields: Field[],
 *   request: (values: any) => import('./request.js').ApiRequest, question?: (values: any) => string,
 *   done: (answer: any, values: any) => string }} Action
 */

const channel = { name: 'channel', label: 'Channel', kind: 'text', longest: 200 }
const user = { name: 'user', label: 'User', kind: 'text', longest: 200 }
const client = { name: 'client', label: 'Connection', kind: 'text', longest: 64, hint: 'Such as c-fKSqVCnQ3UBi.' }
const data = { name: 'data', label: 'Data, as JSON', kind: 'json', initial: '{"text":"hello"}' }
const from = {
  name: 'from', label: 'From', kind: 'text', isOptional: true, longest: 200,
  hint: 'The user it comes from; nobody if empty.',
}
const key = {
  name: 'key', label: 'Key', kind: 'text', isOptional: true, longest: 64,
  hint: 'With the same key within five minutes it is published once.',
}
const reason = {
  name: 'reason', label: 'Reason', kind: 'text', isOptional: true, longest: 123,
  hint: 'Told to the client; at most 123 bytes.',
}

/** @type {Action[]} */
export const actions = [
  {
    id: 'publish', title: 'Publish', button: 'Publish',
    about: 'A message to everybody who listens to a channel, whatever its rule says about publishing.',
    fields: [channel, data, from, key],
    request: ({ channel, data, from, key }) => ({
      method: 'POST', path: apiPath`channels/${channel}/messages`,
      body: jsonObject({ data, from: text(from), key: text(key) }),
    }),
    done: ({ channel, offset, duplicate }) => {
      if (duplicate) return `Nothing was published: the key is known. It was message ${offset ?? ''} of ${channel}.`
      return offset === undefined ? `Published to ${channel}.` : `Published to ${channel}, as message ${offset}.`
    },
  },
  {
    id: 'notify', title: 'Notify', button: 'Notify',
    about: 'A notification to all connections of a user. It is not kept: who is away misses it.',
    fields: [user, data],
    request: ({ user, data }) => {
      return { method: 'POST', path: apiPath`users/${user}/messages`, body: jsonObject({ data }) }
    },
    done: ({ online }, { user }) => online ? `Sent to ${user}.` : `${user} is not connected: nobody received it.`,
  },
  {
    id: 'everybody', title: 'Everybody', button: 'Notify everybody',
    about: 'A notification to every connection of the cluster. It is not kept.',
    fields: [data],
    request: ({ data }) => ({ method: 'POST', path: 'notifications', body: jsonObject({ data }) }),
    question: () => 'Send this to everybody who is connected?',
    done: () => 'Sent to everybody who is connected.',
  },
  {
    id: 'disconnect', title: 'Disconnect user', button: 'Disconnect',
    about: 'Ends all connections of a user, who is asked to stay away. A valid token stays valid.',
    fields: [user, reason],
    request: ({ user, reason }) => {
      return { method: 'DELETE', path: apiPath`users/${user}/connections`, query: given({ reason }) }
    },
    question: ({ user }) => `End all connections of ${user}?`,
    done: answer => `${plural(answer.disconnected, 'connection')} ended.${missing(answer)}`,
  },
  {
    id: 'disconnect-one', title: 'Disconnect one', button: 'Disconnect',
    about: 'Ends one connection, by its id.',
    fields: [client, reason],
    request: ({ client, reason }) => {
      return { method: 'DELETE', path: apiPath`connections/${client}`, query: given({ reason }) }
    },
    question: ({ client }) => `End the connection ${client}?`,
    done: answer => `${answer.disconnected ? 'It has ended.' : 'There is no such connection.'}${missing(answer)}`,
  },
  {
    id: 'put', title: 'Put into channel', button: 'Put into the channel',
    about: 'Subscribes the connections that a user has now, whatever rules and token say.',
    fields: [
      user, channel,
      { name: 'presence', label: 'as members', kind: 'check' },
      { name: 'info', label: 'What members show, as JSON', kind: 'json', isOptional: true },
    ],
    request: ({ user, channel, presence, info }) => ({
      method: 'PUT', path: apiPath`users/${user}/channels/${channel}`,
      body: jsonObject({ presence: presence ? 'true' : undefined, info: info || undefined }),
    }),
    done: answer => {
      return `${plural(answer.connections, 'connection')} put there, ${answer.skipped} skipped.${missing(answer)}`
    },
  },
  {
    id: 'take-out', title: 'Take out', button: 'Take out',
    about: 'Takes all connections of a user out of a channel. They may come back where rules and token allow it.',
    fields: [user, channel],
    request: ({ user, channel }) => ({ method: 'DELETE', path: apiPath`users/${user}/channels/${channel}` }),
    question: ({ user, channel }) => `Take ${user} out of ${channel}?`,
    done: answer => `${plural(answer.connections, 'connection')} taken out.${missing(answer)}`,
  },
  {
    id: 'delete-history', title: 'Delete history', button: 'Delete the history',
    about: 'Throws away what a channel keeps. Everybody who listens is told that it is gone.',
    fields: [channel],
    request: ({ channel }) => ({ method: 'DELETE', path: apiPath`channels/${channel}/history` }),
    question: ({ channel }) => `Delete what ${channel} keeps?`,
    done: ({ channel, epoch }) => `The history of ${channel} is gone; it goes on under the epoch ${epoch}.`,
  },
]

/** A text as JSON; undefined where there is none. */
const text = value => value ? JSON.stringify(value) : undefined

const given = ({ reason }) => reason ? { reason } : {}

const missing = ({ partial }) => partial ? ` ${listed(partial)} may not have done it: repeat it until all have.` : ''

/** Why a field cannot be sent as it is; null where it can. */
export function fieldProblem({ kind, label, isOptional }, value) {
  if (kind === 'check') return null
  if (value === '') return isOptional ? null : `${label}: fill this in.`
  if (kind !== 'json') return null
  try {
    JSON.parse(value)
    return null
  } catch {
    return `${label}: this is not JSON. A text stands in quotes: "hello".`
  }
}

/** What stands in a command that is not filled in yet. */
export function withPlaceholders({ fields }, values) {
  const filled = fields.map(({ name, kind, isOptional }) => {
    const isMissing = values[name] === '' && !isOptional
    return [name, isMissing ? kind === 'json' ? 'null' : name.toUpperCase() : values[name]]
  })
  return Object.fromEntries(filled)
}
