import { field, make, outcome } from './elements.js'
import { reading } from './request.js'

/** What the key of `api` may do: `full` or `read`. */
const accessOf = async api => (await api.ask(reading('access'))).access

/**
 * Lets a person in: without a key where the node asks for none, else with one. The key is kept in memory alone: a page
 * that is loaded anew asks again.
 *
 * @param {HTMLElement} parent where to ask
 * @param {{ mayTryWithout: boolean, why: string }} options
 * @returns {Promise<'full' | 'read'>}
 */
export async function enter(api, parent, { mayTryWithout, why }) {
  api.use(null)
  let reason = why
  if (mayTryWithout) {
    try {
      return await accessOf(api)
    } catch (error) {
      // 401 is the usual case, and nothing to complain of: the form asks for the key.
      if (error.status !== 401) reason = error.message
    }
  }
  return await askForKey(api, parent, reason)
}

function askForKey(api, parent, reason) {
  return new Promise(resolve => {
    const input = make('input', { type: 'password', required: true, autocomplete: 'off', spellcheck: false })
    const button = make('button', { className: 'primary' }, 'Enter')
    const result = outcome()
    const submit = async event => {
      event.preventDefault()
      button.disabled = true
      const access = await tryKey(api, input.value.trim(), result)
      button.disabled = false
      if (access === null) return input.select()
      input.value = ''
      resolve(access)
    }
    parent.replaceChildren(keyForm(input, button, result, submit))
    input.focus()
    if (reason) result.fail(reason)
  })
}

function keyForm(input, button, result, onsubmit) {
  return make('section', { className: 'card narrow' },
    make('h1', {}, 'Apus console'),
    make('p', {}, 'For those who run the cluster. The key decides what you can do here.'),
    make('form', { className: 'stack', onsubmit },
      field('API key', input, 'Kept only in the memory of this tab: gone when you reload or close it.'), button),
    result.element)
}

/** What the key may do; null where it is not good, and the reason is told. */
async function tryKey(api, key, result) {
  if (!/^[\x21-\x7e]+$/.test(key)) {
    result.fail('A key consists of ASCII letters, digits and signs, without spaces.')
    return null
  }
  result.say('Asking the node …')
  api.use(key)
  try {
    const access = await accessOf(api)
    result.say('')
    return access
  } catch (error) {
    api.use(null)
    result.fail(error.message)
    return null
  }
}
