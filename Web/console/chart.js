import { make, makeSVG, setText } from './elements.js'
import { clock } from './format.js'
import { lineInWords } from './problems.js'
import { scaleEnd, tenMinutes } from './series.js'

const width = 300
const height = 72

/** Ten minutes of one value as a line; pointing at it tells the value of a moment. */
export class Chart {
  #options
  #series
  #area = makeSVG('path', { class: 'area' })
  #line = makeSVG('path', { class: 'line', 'vector-effect': 'non-scaling-stroke' })
  #value = make('span', { className: 'value' })
  #top = make('span')
  #right = make('span')
  #picture = makeSVG('svg', { viewBox: `0 -2 ${width} ${height + 2}`, preserveAspectRatio: 'none', role: 'img' })
  /** Where somebody points at, from 0 to 1. */
  #pointed = null
  #wordsAt = -Infinity

  /**
   * @param {import('./series.js').Series} series
   * @param {{ title: string, name: string, show: (value?: number) => string, least: number }} options
   * `name` is that of the value in the series, `least` the least that the scale ends with
   */
  constructor(series, options) {
    this.#series = series
    this.#options = options
    this.#picture.append(this.#area, this.#line)
    this.#picture.addEventListener('pointermove', event => {
      const box = this.#picture.getBoundingClientRect()
      this.#point((event.clientX - box.left) / box.width)
    })
    this.#picture.addEventListener('pointerleave', () => this.#point(null))
    this.element = make('figure', { className: 'chart' },
      make('figcaption', {}, make('span', {}, options.title), this.#value),
      make('div', { className: 'scale' }, this.#top),
      this.#picture,
      make('div', { className: 'scale' }, make('span', {}, '10 min ago'), this.#right))
  }

  update(now) {
    const { name, show, least } = this.#options
    const end = scaleEnd(this.#series.peak(name), least)
    const lines = this.#series.lines(name, now, { width, height: height - 1, top: end })
    this.#line.setAttribute('d', lines.map(pathOf).join(''))
    this.#area.setAttribute('d', lines.map(areaOf).join(''))
    setText(this.#top, show(end))
    this.#showValue()
    this.#showWords(now)
  }

  #point(share) {
    this.#pointed = share
    this.#showValue()
  }

  #showValue() {
    const { name, show } = this.#options
    const isNow = this.#pointed === null
    const moment = Date.now() - (1 - this.#pointed) * tenMinutes
    const sample = isNow ? this.#series.of(name).at(-1) : this.#series.nearest(name, moment)
    setText(this.#value, show(sample?.value))
    setText(this.#right, isNow ? 'now' : `at ${clock(sample?.at ?? moment)}`)
  }

  /** For those who do not see the line; each ten seconds at most, since a reader may read it whenever it changes. */
  #showWords(now) {
    if (now - this.#wordsAt < 10_000) return
    const { title, name, show } = this.#options
    this.#wordsAt = now
    this.#picture.setAttribute('aria-label', lineInWords(title, this.#series.of(name), show))
  }
}

const pathOf = points => `M${points.map(point => point.join(' ')).join('L')}`
const areaOf = points => `${pathOf(points)}L${points.at(-1)[0]} ${height}L${points[0][0]} ${height}Z`
