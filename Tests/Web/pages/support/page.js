/**
 * As much of a browser as modules of the pages need where they show nothing: to be imported, and to make an element.
 * What imports them comes after this, and by `import()`. Logs are those of log.js beside this.
 */
import { registerHooks } from 'node:module'

const places = {
  '/demo.js': new URL('../../../../Web/pages/demo.js', import.meta.url).href,
  './log.js': new URL('log.js', import.meta.url).href,
}
registerHooks({ resolve: (specifier, context, next) => next(places[specifier] ?? specifier, context) })

class Element {
  children = []
  dataset = {}
  attributes = {}
  append(...children) { this.children.push(...children) }
  replaceChildren(...children) { this.children = children }
  setAttribute(name, value) { this.attributes[name] = value }
}

/** The name is forty units long where its last emoji is cut in two. */
export const longName = 'ann' + ' '.repeat(36) + '😀'

Object.assign(globalThis, {
  HTMLElement: Element,
  document: { createElement: () => new Element(), hidden: false },
  customElements: { define: (name, element) => { elements[name] = element } },
  location: { hash: `#${new URLSearchParams({ name: longName })}`, origin: 'http://localhost:8080' },
  addEventListener() {},
})

/** Those that modules have defined. */
export const elements = {}
