// The words of the operator's screens. They are loaded with them; their names are in `../strings.js`.

const plural = (/** @type {number} */ count, /** @type {string} */ one, /** @type {string} */ many) =>
  `${count.toLocaleString()} ${count === 1 ? one : many}`;

export const o = {
  of: "Operator",
  revenue: "Revenue", cost: "Cost", margin: "Margin", thisMonth: "this month so far", storage: "Storage", allTenants: "of all tenants", tenant: "Tenant", status: "Status", plan: "Plan", made: "Made",
  about: { revenue: "fees and usage", cost: "of usage and serving", margin: "what is left" },
  overview: {
    attention: "Needs attention", calm: "Nothing needs you now", calmText: "No tenant is held, no job has failed for good, no migration is halted, and nothing from Stripe waits.",
    tenants: "Tenants", active: (/** @type {number} */ n) => `${n.toLocaleString()} active`, counting: "counting…",
    recent: "Lately", all: "The whole log", partly: "Some of it could not be looked at:",
    first: "No tenants yet", firstText: "Make the first one: for your own company, or to look around. Customers make theirs by signing up.",
    items: {
      halted: "A migration of the fleet is halted", migrationFailed: (/** @type {number} */ n) => `${plural(n, "tenant failed", "tenants failed")} to migrate`, held: (/** @type {number} */ n) => `${plural(n, "tenant is", "tenants are")} held at an older version`,
      pending: (/** @type {number} */ n) => `${plural(n, "tenant is", "tenants are")} behind the app's migrations`,
      dead: (/** @type {number} */ n) => `Jobs of ${plural(n, "tenant", "tenants")} have failed for good`, jobsHeld: (/** @type {number} */ n) => `Jobs of ${plural(n, "tenant", "tenants")} are held`,
      stripe: (/** @type {number} */ n) => `${plural(n, "event", "events")} of Stripe could not be applied`, statements: (/** @type {number} */ n) => `${plural(n, "statement was", "statements were")} not taken by Stripe`, drift: (/** @type {number} */ n) => `Stripe and the catalog differ in ${plural(n, "thing", "things")}`,
      suspended: (/** @type {number} */ n) => `${plural(n, "tenant is", "tenants are")} suspended`, closing: (/** @type {number} */ n) => `${plural(n, "tenant is", "tenants are")} closing`, losing: (/** @type {number} */ n) => `${plural(n, "tenant costs", "tenants cost")} more than they bring in`,
      letters: (/** @type {number} */ n) => `${plural(n, "letter waits", "letters wait")} in the mailbox, as no mail server takes them`,
    },
  },
  tenants: {
    search: "Name, slug or ID", anyStatus: "Any status", anyPlan: "Any plan", none: "No tenant is like that", noneText: "Look for another name, or take conditions away.",
    counted: (/** @type {number} */ shown, /** @type {number} */ all, /** @type {boolean} */ done) => (shown === all ? `${plural(all, "tenant", "tenants")}${done ? "" : " so far"}` : `${shown.toLocaleString()} of ${plural(all, "tenant", "tenants")}${done ? "" : " so far"}`),
    more: (/** @type {number} */ n) => `Show ${n.toLocaleString()} more`, loading: "Loading the others…",
    capped: (/** @type {number} */ n) => `Only the first ${n.toLocaleString()} tenants are looked through here.`,
  },
  one: {
    suspend: "Suspend", resume: "Resume", close: "Close", erase: "Erase now", plan: "Change plan", tax: "Tax",
    suspendTitle: (/** @type {string} */ name) => `Suspend ${name}?`, suspendText: "Its members can read everything and change nothing, its jobs wait. You can take it back.",
    closeTitle: (/** @type {string} */ name) => `Close ${name}?`, closeText: "As if its owner had asked: read-only at once, erased when the time of grace is over. Until then its owner can reopen it.",
    eraseTitle: (/** @type {string} */ name) => `Erase ${name} now?`, eraseText: "Its file, exports, memberships and keys are removed at once, without a time of grace. Nothing brings them back. You get a signed receipt.",
    suspended: "It is suspended.", resumed: "It is active again.", closing: "It is closing.", erased: "It is erased. Here is the receipt.", planned: "The plan is changed.",
    gone: "This tenant is erased.", receipt: "See the receipt", state: "State", subscription: "Subscription", usage: "Usage against limits", jobs: "Jobs", noJobs: "It had no jobs lately.", month: "This month",
    unread: "Its file cannot be read now, so its limits and jobs are not shown.", failed: "A migration failed here", heldVersion: "It is held at an older version", looked: "What you look at here is in the tenant's own audit log.",
    held: "Its jobs are held", release: "Release them", released: "They run.", newPlan: "Plan", when: "When", now: "Now", end: "At the end of the period",
    noTax: "none", taxName: "What it is called", taxPercent: "Percent", taxHint: "As on invoices, such as VAT. Empty for none.", taxText: "On invoices that are drawn from now on.", erasedAfter: "Erased after", zone: "Time zone", database: "Database time",
  },
  jobs: { about: "Tenants that have had jobs, and how many wait, run or have failed for good.", queued: "Queued", running: "Running", dead: "Failed", held: "Held", next: "Next look", none: "No tenant has jobs", noneText: "When the app or a member enqueues work, its tenant shows up here.", asOf: "Seen" },
  migrations: {
    about: "Each tenant is migrated by itself: one that fails stops none of the others.", target: "The app is at", current: "up to date", pending: "behind", failed: "failed", held: "held",
    versions: (/** @type {number} */ app, /** @type {number} */ system) => `version ${app} (of Tenantry itself ${system})`,
    upToDate: "All tenants are up to date", start: "Migrate the fleet", startText: "Canaries go first. If one of them fails, or too many of the others, it halts.", canary: "Canaries", canaryHint: "How many tenants go first.", canaryPlan: "Canaries are all on the plan", canaryPlanHint: "A plan by its key.", parallelHint: "4 where you leave it empty.", haltAt: "Halt at errors", haltHint: "In percent of those that were tried, such as 1%. 5% where you leave it empty.", parallel: "At once", retry: "Try those again that failed",
    running: "Under way", runs: "Migrations so far", migrated: "Migrated", failedHead: "Failed", giveUp: "Give up", done: (/** @type {number} */ n) => `${n.toLocaleString()} migrated`, failures: (/** @type {number} */ n) => `${n.toLocaleString()} failed`, stages: /** @type {Record<string, string>} */ ({ canary: "canaries first", fleet: "all others" }),
    statuses: /** @type {Record<string, string>} */ ({ running: "running", halted: "halted", done: "done", cancelled: "cancelled" }), cancel: "Halt and give up", cancelTitle: "Give this migration up?", cancelText: "Tenants that are being migrated finish. The others stay as they are; another migration takes them up.", cancelled: "It is given up.", resume: "Go on", resumed: "It goes on.", started: "Started", ended: "Ended", by: "By", none: "No migration so far", noneText: "A new version of the app migrates tenants when they are opened. A migration of the fleet does it for all at once.",
    error: "Error", took: "Took", changed: "Since", troubled: "Tenants in trouble", pendingList: (/** @type {number} */ n) => `What is to be done: ${n}`,
  },
  plans: {
    about: "A plan never changes: what is published is another version. Tenants stay on theirs until they change.", key: "Key", version: "Version", fee: "Fee", tenants: "Tenants", published: "Published", offered: "offered", notOffered: "not offered", versions: "Versions", document: "Document", newest: "newest",
    create: "New plan", keyHint: "Small letters, digits and dashes. It is never changed.", edit: "Publish another version", editTitle: (/** @type {string} */ key) => `Another version of ${key}`, difference: "What would change", same: "Nothing is different.", notJson: "must be JSON: an object", publish: (/** @type {number} */ n) => `Publish version ${n}`, publishedNow: (/** @type {number} */ n) => `Version ${n} is published.`, was: "was", added: "new", gone: "gone", formHint: "As [plans] in app.toml, in JSON. Amounts are in the currency's smallest unit.", none: "No plans",
  },
  stripe: {
    tabs: /** @type {Record<string, string>} */ ({ events: "Events", statements: "Statements", drift: "Drift" }), local: "Billing is local here", localText: "This installation is not connected to Stripe: invoices are drawn and finalised by itself. Set stripe_secret_key to collect by Stripe.",
    type: "Type", received: "Received", changed: "What it changed", statuses: /** @type {Record<string, string>} */ ({ pending: "waits", applied: "applied", ignored: "nothing to do", parked: "parked", failed: "failed" }), anyStatus: "Any status", replay: "Look again", replayed: "It is looked at again.", none: "No events yet", noneText: "They come to /webhooks/stripe, and are asked for now and then besides.",
    object: "Object", customer: "Customer", source: "Came by", attempts: "Attempts", reason: "Why not", mode: "Mode", live: "live", test: "test",
    invoice: "Invoice", next: "Next attempt", parked: "given up", retry: "Send again", retried: "It is sent again.", noStatements: "Stripe has taken all statements", noStatementsText: "What it refuses waits here, with the reason.",
    asOf: "Last looked", field: "What", here: "Here", there: "At Stripe", found: "Found", repaired: "repaired", noDrift: "No difference", noDriftText: "Stripe and the catalog say the same.", repair: "Look now and mend", repairTitle: "Let Stripe's word count?", repairText: "Differences are looked for now. Where they differ, the catalog takes what Stripe says.", repairedNow: "Looked at and mended.",
  },
  mailbox: { about: "Letters that no mail server took: none is set, or it was not there. They may hold links that sign somebody in, so opening one asks who you are.", to: "To", subject: "Subject", none: "No letters", noneText: "Without a mail server, invitations and the like wait here. With one they are sent.", page: "As its reader sees it", text: "Text", headers: "Headers", statuses: /** @type {Record<string, string>} */ ({ queued: "waits", kept: "kept", failed: "given up" }) },
  erasures: { about: "Each receipt is signed by this installation and says what was removed, what is kept and why.", erased: "Erased", none: "No tenant was erased yet", noneText: "When a tenant has closed and its time of grace is over, its receipt is here.", removed: "Removed", kept: "Kept", verified: "How it was made sure", store: "Store", count: "How many", reason: "Why", until: "Until", forGood: "for good", closedAt: "Closed", signature: "Signature", key: "Public key", download: "Receipt", verify: "Anybody can check it:", head: "Last audit entry" },
};
