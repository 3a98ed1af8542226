import { ApusError } from './errors.js'

/** What most pages do not need comes from a file of its own. Where that fails, the next who needs it tries again. */
export const loadExtras = () =>
  import('./apus-extras.js')
    // A browser may remember by its address that a file did not come.
    .catch(() => import(`./apus-extras.js?${Date.now()}`))
    .catch((error) => {
      throw new ApusError('unavailable', error.message, true)
    })
