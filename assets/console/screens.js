// The screens, each a module that is loaded when it is looked at.

/** @type {Record<string, () => Promise<any>>} */
export const SCREENS = {
  "sign-in": () => import("./screens/sign-in.js"),
  "sign-up": () => import("./screens/sign-up.js"),
  forgot: () => import("./screens/forgot.js"),
  home: () => import("./screens/tenants.js"),
  account: () => import("./screens/account.js"),
  imports: () => import("./imports/screen.js"),
  start: () => import("./screens/start.js"),
  records: () => import("./screens/records.js"),
  sql: () => import("./screens/sql.js"),
  files: () => import("./screens/files.js"),
  jobs: () => import("./screens/jobs.js"),
  members: () => import("./screens/members.js"),
  roles: () => import("./screens/roles.js"),
  keys: () => import("./screens/keys.js"),
  webhooks: () => import("./screens/webhooks.js"),
  usage: () => import("./screens/usage.js"),
  plan: () => import("./screens/plan.js"),
  invoices: () => import("./screens/invoices.js"),
  audit: () => import("./screens/audit.js"),
  settings: () => import("./screens/settings.js"),
  leave: () => import("./screens/leave.js"),
};

/** The screens of a tenant by groups, with the permission without which there is nothing to see. */
export const GROUPS = /** @type {const} */ ([
  ["data", [["records", "records:read"], ["sql", "records:sql"], ["files", "files:read"], ["jobs", "jobs:read"]]],
  ["access", [["members", "members:read"], ["roles", "members:read"], ["keys", "keys:manage"], ["webhooks", "webhooks:manage"]]],
  ["billing", [["usage", "usage:read"], ["plan", "billing:read"], ["invoices", "billing:read"]]],
  ["tenant", [["start", "records:read"], ["audit", "audit:read"], ["settings", "settings:manage"], ["leave", "tenant:export"]]],
]);

/** The screens of whoever is signed in, in no tenant, each with its icon and address. */
export const OWN = /** @type {const} */ ([["home", "tenant", "/console"], ["imports", "upload", "/console/imports"], ["account", "user", "/console/account"]]);

/** The operator's screens, each with its icon; another one is a line here, its name in `strings.js`, and a module. */
export const OPERATOR_GROUPS = /** @type {const} */ ([
  ["fleet", [["overview", "usage"], ["tenants", "tenant"], ["jobs", "jobs"], ["statements", "sql"], ["query", "query"], ["migrations", "migrations"], ["backups", "backups"]]],
  ["money", [["margins", "margins"], ["plans", "plan"], ["stripe", "invoices"]]],
  ["installation", [["doctor", "doctor"], ["mailbox", "mail"], ["imports", "upload"], ["erasures", "bin"], ["audit", "audit"], ["settings", "settings"]]],
]);

/** @type {Record<string, () => Promise<any>>} */
export const OPERATOR_SCREENS = {
  overview: () => import("./operator/overview.js"),
  tenants: () => import("./operator/tenants.js"),
  jobs: () => import("./operator/jobs.js"),
  statements: () => import("./operator/statements.js"),
  query: () => import("./operator/query.js"),
  migrations: () => import("./operator/migrations.js"),
  backups: () => import("./operator/backups.js"),
  margins: () => import("./operator/margins.js"),
  plans: () => import("./operator/plans.js"),
  stripe: () => import("./operator/stripe.js"),
  mailbox: () => import("./operator/mailbox.js"),
  erasures: () => import("./operator/erasures.js"),
  imports: () => import("./imports/screen.js"),
  doctor: () => import("./operator/doctor.js"),
  settings: () => import("./operator/settings.js"),
  audit: () => import("./operator/audit.js"),
};
