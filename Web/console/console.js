import { enter } from './access.js'
import { actView } from './act.js'
import { Api } from './api.js'
import { channelView } from './channel.js'
import { channelsView } from './channels.js'
import { Cluster } from './cluster.js'
import { make } from './elements.js'
import { overviewView } from './overview.js'
import { parseRoute } from './routes.js'
import { usersView } from './users.js'

/** Each makes its elements; what it goes on doing ends with the signal. */
const views = { overview: overviewView, channels: channelsView, channel: channelView, users: usersView, act: actView }

const main = document.querySelector('main')
const header = document.querySelector('.page-head')
const links = [...header.querySelectorAll('nav a')]
const api = new Api(new URL('api/', document.baseURI).href)

/** Asks for access, then shows the console until the key is not good any more, or is to be forgotten. */
async function run() {
  let options = { mayTryWithout: true, why: '' }
  for (;;) {
    header.hidden = true
    const access = await enter(api, main, options)
    options = { mayTryWithout: false, why: await session(access) }
  }
}

/** @returns {Promise<string>} why it has ended */
function session(access) {
  const ending = new AbortController()
  const cluster = new Cluster(api)
  const app = { api, cluster, mayAct: access === 'full' }
  return new Promise(resolve => {
    const end = why => {
      ending.abort()
      main.replaceChildren()
      resolve(why)
    }
    showHeader(app, end)
    cluster.addEventListener('refused', () => end(cluster.error.message))
    cluster.start(ending.signal)
    showViews(app, ending.signal)
  })
}

function showHeader({ mayAct }, end) {
  const what = mayAct ? 'Full access' : 'Read only'
  const properties = { className: 'badge', 'data-access': mayAct ? 'full' : 'read' }
  const rights = make('span', properties, api.hasKey ? what : `${what}, no key`)
  const leave = make('button', { type: 'button', onclick: () => end('') }, api.hasKey ? 'Forget the key' : 'Use a key')
  header.querySelector('.access').replaceChildren(rights, leave)
  links.forEach(link => link.hidden = link.hash === '#act' && !mayAct)
  header.hidden = false
}

/** Shows the view that the hash names, and another one when it changes. */
function showViews(app, signal) {
  let leaving = null
  const show = () => {
    const hasMoved = leaving !== null || api.hasKey
    leaving?.abort()
    leaving = new AbortController()
    const { view, parameters } = parseRoute(location.hash)
    const name = Object.hasOwn(views, view) ? view : 'overview'
    main.replaceChildren(...views[name](app, parameters, leaving.signal))
    showCurrent(name, hasMoved)
  }
  addEventListener('hashchange', show, { signal })
  signal.addEventListener('abort', () => leaving.abort())
  show()
}

function showCurrent(name, hasMoved) {
  const part = name === 'channel' ? 'channels' : name
  for (const link of links) {
    if (link.hash === `#${part}`) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
  const heading = main.querySelector('h1')
  document.title = `${heading.textContent} – Apus console`
  scrollTo(0, 0)
  // On a page that has just been loaded the focus is at its beginning already.
  if (hasMoved) heading.focus({ preventScroll: true })
}

run()
