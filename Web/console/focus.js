/**
 * The focus of what is disabled, hidden, removed or put to another place falls to the body, and who works by keyboard
 * begins at the top of the page again. These give it back without scrolling, and never take it from where somebody has
 * put it.
 */

const give = element => element?.focus({ preventScroll: true })

/**
 * Does a task while buttons are disabled. The one of them that had the focus gets it back; where it is hidden by then,
 * `next` does.
 * @param {HTMLButtonElement[]} buttons
 * @param {() => Promise<void>} task keeps its errors to itself
 * @param {HTMLElement} [next]
 */
export async function whileDisabled(buttons, task, next) {
  const pressed = buttons.find(button => button === document.activeElement)
  for (const button of buttons) button.disabled = true
  await task()
  for (const button of buttons) button.disabled = false
  // A browser may leave it with a button that is disabled.
  const isUnmoved = document.activeElement === document.body || document.activeElement === pressed
  if (pressed && isUnmoved) give(pressed.hidden ? next : pressed)
}

/** Hides a button, or shows it. What `next` gives gets its focus. */
export function setHidden(button, isHidden, next) {
  const hasFocus = document.activeElement === button
  button.hidden = isHidden
  if (isHidden && hasFocus) give(next())
}

/**
 * Changes the children of an element. Where the focus is lost by that it comes back; where what had it is gone, a link or
 * button of the same child gets it, or of the one that is in its place.
 */
export function keepingFocus(parent, change) {
  const focused = document.activeElement
  const children = [...parent.children]
  const index = children.findIndex(child => child.contains(focused))
  change()
  if (index < 0 || parent.contains(document.activeElement)) return
  const row = children[index].isConnected ? children[index] : parent.children[index] ?? parent.lastElementChild
  give(focused.isConnected ? focused : row?.querySelector('a, button'))
}
