/** Numbers, times and sizes as people read them. What is not known is a dash. */

export const dash = '–'

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const tenths = new Intl.NumberFormat('en', { maximumFractionDigits: 1 })

export function count(value) {
  return value === undefined || value === null ? dash : whole.format(value)
}

/** A rate or a time: one decimal where the value is small. */
export function decimal(value) {
  if (value === undefined || value === null) return dash
  return (Math.abs(value) < 100 ? tenths : whole).format(value)
}

export function percent(share) {
  return share === undefined || share === null ? dash : `${whole.format(share * 100)} %`
}

export function milliseconds(value) {
  if (value === undefined || value === null) return dash
  return value < 10 ? `${value.toFixed(2)} ms` : `${whole.format(value)} ms`
}

export function bytes(value) {
  if (value === undefined || value === null) return dash
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let unit = 0
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024
  return `${unit === 0 ? whole.format(value) : decimal(value)} ${units[unit]}`
}

/** A span in its two largest units; what is negative, since clocks differ, counts as nothing. */
export function span(milliseconds) {
  const seconds = Math.max(0, milliseconds) / 1000
  if (seconds < 10) return `${tenths.format(seconds)} s`
  const parts = [['d', 86_400], ['h', 3_600], ['min', 60], ['s', 1]]
  let rest = Math.round(seconds)
  const amounts = parts.map(([unit, length]) => {
    const amount = Math.floor(rest / length)
    rest -= amount * length
    return [amount, unit]
  })
  const first = amounts.findIndex(([amount]) => amount > 0)
  return amounts.slice(first, first + 2).filter(([amount]) => amount > 0).map(part => part.join(' ')).join(' ')
}

/** The time of day. */
export function clock(time) {
  return new Date(time).toLocaleTimeString('en-GB')
}

/** The day too, where it is not today. */
export function moment(time, now = Date.now()) {
  const date = new Date(time)
  const isToday = date.toDateString() === new Date(now).toDateString()
  return isToday ? clock(time) : `${date.toLocaleDateString('en-CA')} ${clock(time)}`
}

export function plural(amount, one, many = `${one}s`) {
  return `${count(amount)} ${amount === 1 ? one : many}`
}

/** `a, b and c`. */
export function listed(names) {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}
