/** What most pages do not need: loaded when it is. */
export { history, presence } from './extras/asking.js'
export { dialHTTP } from './extras/fallback.js'
export { HttpTransport } from './extras/http_transport.js'
export { messages } from './extras/messages.js'
export { observable } from './extras/observable.js'
export { createPeople } from './extras/people.js'
export { renew } from './extras/renewal.js'
