/** What most pages do not need: loaded when it is. */
export { HttpTransport } from './extras/http_transport.js'
export { observable } from './extras/observable.js'
