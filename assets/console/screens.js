// The screens, each a module that is loaded when it is looked at.

/** @type {Record<string, () => Promise<any>>} */
export const SCREENS = {
  "sign-in": () => import("./screens/sign-in.js"),
  "sign-up": () => import("./screens/sign-up.js"),
  forgot: () => import("./screens/forgot.js"),
  home: () => import("./screens/tenants.js"),
  account: () => import("./screens/account.js"),
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
  ["tenant", [["audit", "audit:read"], ["settings", "settings:manage"], ["leave", "tenant:export"]]],
]);
