/** What most pages do not need comes from a file of its own. */
export const loadExtras = () => import('./apus-extras.js')
