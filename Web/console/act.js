import { actions, fieldProblem, withPlaceholders } from './actions.js'
import { card, confirmed, field, make, outcome, setText, unassisted, viewHeading } from './elements.js'
import { whileDisabled } from './focus.js'
import { curl } from './request.js'
import { noteRoute, routeTo } from './routes.js'

/** What a person may do, one thing at a time. Links of other views come with fields filled in. */
export function actView({ api, mayAct }, { do: id, ...filledIn }, signal) {
  const heading = viewHeading('Act')
  if (!mayAct) return [heading, make('p', { className: 'card' }, 'This key only reads. Use a key of --api-key to act.')]
  const action = actions.find(action => action.id === id) ?? actions[0]
  const choice = actionLinks(action, filledIn)
  // Names stand in the address, so that another action begins with them; what is sent does not.
  const namesChanged = names => {
    choice.update(names)
    noteRoute('act', { do: action.id, ...names })
  }
  return [heading, choice.element, new ActionForm(api, action, filledIn, { namesChanged, signal }).element]
}

/** Links to all actions, which take the names along that are filled in already. */
function actionLinks(current, filledIn) {
  const links = actions.map(({ id, title }) => {
    const link = make('a', {}, title)
    if (id === current.id) link.setAttribute('aria-current', 'true')
    return { id, link }
  })
  const update = names => links.forEach(({ id, link }) => link.href = routeTo('act', { do: id, ...filledIn, ...names }))
  update({})
  const list = make('ul', { className: 'tabs' }, links.map(({ link }) => make('li', {}, link)))
  return { element: make('nav', { 'aria-label': 'What to do' }, list), update }
}

/** The fields of an action, what it answers, and the command that does the same. */
class ActionForm {
  #api
  #action
  #signal
  #controls
  #button
  #result = outcome()
  #answer = make('pre', { hidden: true })
  #command = make('code')

  constructor(api, action, filledIn, { namesChanged, signal }) {
    this.#api = api
    this.#action = action
    this.#signal = signal
    this.#controls = action.fields.map(field => controlOf(field, filledIn[field.name]))
    this.#button = make('button', { className: action.question ? 'danger' : 'primary' }, action.button)
    this.#showCommand()
    this.element = card(action.title, make('p', { className: 'quiet' }, action.about), this.#form(namesChanged),
      this.#result.element, this.#answer,
      make('h3', {}, 'The same in a terminal'), make('pre', { className: 'command' }, this.#command))
  }

  #form(namesChanged) {
    const submit = event => {
      event.preventDefault()
      this.#act()
    }
    const change = () => namesChanged(namesIn(this.#values()))
    const listeners = { oninput: () => this.#showCommand(), onchange: change, onsubmit: submit }
    return make('form', { className: 'stack', noValidate: true, ...listeners },
      this.#action.fields.map(({ label, hint }, index) => field(label, this.#controls[index], hint)), this.#button)
  }

  #values() {
    return Object.fromEntries(this.#action.fields.map(({ name, kind }, index) => {
      const control = this.#controls[index]
      return [name, kind === 'check' ? control.checked : control.value]
    }))
  }

  #showCommand() {
    const { request } = this.#action
    try {
      setText(this.#command, curl(request(withPlaceholders(this.#action, this.#values())), this.#api))
    } catch (error) {
      setText(this.#command, error.message)
    }
  }

  async #act() {
    const { question, button } = this.#action
    const values = this.#values()
    if (!this.#accepts(values)) return
    if (question && !await confirmed(question(values), 'This cannot be undone.', button, this.#signal)) return
    await whileDisabled([this.#button], () => this.#send(values))
  }

  /** Marks what cannot be sent, and goes to the first such field. */
  #accepts(values) {
    const problems = this.#action.fields.map(field => fieldProblem(field, values[field.name]))
    this.#controls.forEach((control, index) => control.setAttribute('aria-invalid', String(problems[index] !== null)))
    const first = problems.findIndex(problem => problem !== null)
    if (first < 0) return true
    this.#result.fail(problems[first])
    this.#controls[first].focus()
    return false
  }

  async #send(values) {
    const { request, done } = this.#action
    try {
      const answer = await this.#api.ask(request(values), { signal: this.#signal })
      this.#result.say(done(answer, values))
      setText(this.#answer, JSON.stringify(answer))
      this.#answer.hidden = false
    } catch (error) {
      this.#answer.hidden = true
      if (!this.#signal.aborted) this.#result.fail(error.message)
    }
  }
}

function controlOf({ kind, longest, isOptional, initial = '' }, filledIn) {
  if (kind === 'check') return make('input', { type: 'checkbox' })
  const shared = { value: filledIn ?? initial, required: !isOptional, ...unassisted }
  return kind === 'json' ? make('textarea', { ...shared, rows: 3 }) : make('input', { ...shared, maxLength: longest })
}

/** Of the values those that say whom or what it is about. */
function namesIn(values) {
  return Object.fromEntries(Object.entries(values).filter(([name]) => ['user', 'channel', 'client'].includes(name)))
}
