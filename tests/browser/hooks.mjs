// Where the tests touch the pages, and nowhere else: when a template changes, this is the page to change with it.
// Ids, field names and data attributes only; words differ by language.
export const hooks = {
  emailField: 'input[name="email"]',
  passwordField: 'input[name="password"]',
  signIn: '#login',
  sso: '#sso',
  menu: '#me-open',
  menuOpen: '#me[open]',
  signOut: '#me-out',
  /** Whatever tells that the sign-in was refused. */
  refusal: '#login-error, #flash[data-kind="error"], [role="alert"]:not(:empty)',

  /** The heart of a page; all of it is swapped when the page follows live events. */
  main: '#main',
  live: '#live',
  fresh: '#fresh',
  keySheet: '#keys',
  palette: '#palette',
  paletteInput: '#palette-q',
  paletteResult: '#palette-list [role="option"]',
  /** The navigation where it has no room of its own: what opens it, and what is then seen. */
  navToggle: '#nav-toggle',
  nav: '#nav',
  diff: '.diff tr.changed',

  /** What is wrong with a form that was sent: it has the focus. */
  errors: '#errors',
  decideError: '#decide-error',

  requestForm: '#request-form',
  field: (name) => `#request-form [name="${name}"]`,
  check: '#check',
  preview: '#preview',
  submit: '#submit',

  row: (id) => `#row-${id}`,
  anyRequest: 'tr[id^="row-CR-"]',
  /** The link of a row: beside the list on a wide screen, to the request's own page on a narrow one. */
  open: (id) => `#open-${id}, #show-${id}`,
  anyRow: 'a[data-row]',
  /** Lists: what narrows, orders, saves and chooses. A `<details>` is opened by its first child. */
  filter: '[data-search]',
  sort: '#rows thead a',
  next: '#next',
  columns: '#columns',
  views: '#views',
  rowBox: '#rows tbody input[type="checkbox"]',
  bulk: '#bulk',
  bulkGo: '#bulk-go',

  request: '#request',
  state: (key) => `#request .request-head [data-state="${key}"]`,
  decideReason: '#decide-form [name="reason"]',
  approve: '#approve',
  reject: '#reject',
  proof: '#request .timeline a.proof',
};
