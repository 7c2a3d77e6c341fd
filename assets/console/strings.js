// All words of the console, so that a second language is one more file like this.

const plural = (/** @type {number} */ count, /** @type {string} */ one, /** @type {string} */ many) =>
  `${count.toLocaleString()} ${count === 1 ? one : many}`;

export const s = {
  loading: "Loading", close: "Close", cancel: "Cancel", save: "Save", copy: "Copy", copied: "Copied.", more: "Show more", search: "Search", optional: "optional",
  never: "never", none: "none", dismiss: "Dismiss", undo: "Undo", tryAgain: "Try again", menu: "Menu", navigation: "Screens", skip: "Skip to the content", goTo: "Go to…", edit: "Edit",
  remove: "Remove", delete: "Delete", download: "Download", refresh: "Refresh", saved: "Saved.", yes: "yes", no: "no", actions: "Actions", all: "All", back: "Back",
  typeToConfirm: (/** @type {string} */ word) => `Type ${word} to confirm`,
  problem: {
    offline: "The server cannot be reached. What you typed is kept; try again in a moment.",
    unknown: "Something went wrong. Try again.",
    status: (/** @type {number} */ status) => `The server answered ${status}. Try again; if it stays so, tell who runs this installation.`,
    request: "Request",
  },
  missing: { title: "There is nothing here", text: "The address is not one of the console, or you may not see it.", action: "Your tenants",
    tenant: (/** @type {string} */ slug) => `There is no tenant “${slug}” that you are a member of.` },
  groups: { data: "Data", access: "Access", billing: "Billing", tenant: "Tenant" },
  screens: /** @type {Record<string, string>} */ ({ records: "Records", sql: "SQL", files: "Files", jobs: "Jobs", members: "Members", roles: "Roles", keys: "API keys", usage: "Usage", plan: "Plan", invoices: "Invoices", audit: "Audit log", settings: "Settings", leave: "Export and leave" }),
  status: /** @type {Record<string, string>} */ ({ active: "active", suspended: "suspended", closing: "closing", provisioning: "being made", quarantined: "unavailable" }),
  theme: { title: "Appearance", system: "As the system", light: "Light", dark: "Dark", choose: (/** @type {string} */ name) => `Appearance: ${name}` },
  palette: { placeholder: "Screen, table or tenant", none: "Nothing is called that.", screen: "screen", table: "table", tenant: "tenant", act: "action" },
  banner: {
    offline: "No connection to the server. Trying again…",
    suspended: "This tenant is suspended: everything can be read, nothing changed. Ask who runs this installation.",
    closing: (/** @type {string} */ day) => `This tenant is closing. Everything in it is erased after ${day}.`,
    closingSoon: "This tenant is closing; everything in it will be erased.",
    closingLink: "Export or reopen",
    unpaid: "An invoice is unpaid: everything can be read, nothing changed until it is paid.",
    past_due: "An invoice is past due. Pay it soon, so that nothing stops.",
    usage: (/** @type {string} */ meter, /** @type {string} */ used, /** @type {string} */ limit, /** @type {string} */ percent) => `${meter}: ${used} of ${limit} used (${percent}).`,
    usageLink: "See usage",
  },
  auth: {
    signIn: "Sign in", signInTitle: "Sign in", email: "E-mail", password: "Password", forgot: "Forgot your password?", signUpLink: "Make an account", start: "First steps with the API",
    codeTitle: "Second factor", codeText: "Enter the code that your app shows, or a recovery code.", code: "Code", startAgain: "Sign in as somebody else",
    signUp: "Make an account", signUpTitle: "Make an account", signUpText: "With a tenant of your own, or without: an invitation brings you to somebody else's.", name: "Your name",
    passwordRule: "15 characters or more; a few unrelated words do well.", tenant: "Name of your company", tenantHint: "Makes a tenant that you own. You can do that later too.",
    haveAccount: "You have an account? Sign in", mailSent: "Look into your mail", verifyText: (/** @type {string} */ email) => `A mail is on its way to ${email}. Open the link in it to finish.`,
    forgotTitle: "Forgot your password?", forgotText: "You get a mail with a link that sets a new one.", sendMail: "Send the mail", backToSignIn: "Back to signing in",
    forgotSent: (/** @type {string} */ email) => `If ${email} has an account, a mail with a link is on its way. It is good for a short time.`,
  },
  stepUp: { title: "Show that it is you", text: "This act is asked for again some minutes after signing in.", action: "Go on", byCode: "Use a code of my second factor", byPassword: "Use my password" },
  tenants: {
    title: "Tenants", all: "All tenants", choose: "Choose a tenant", switch: (/** @type {string} */ name) => `Tenant: ${name}. Switch`, none: "No tenants yet",
    noneText: "Make one for your company, or open the link of an invitation that somebody sent you.", noneOperator: "You run this installation. To work in a tenant yourself, make one or be invited to it.",
    create: "New tenant", name: "Name", slug: "Slug", slugHint: "Its name in addresses: small letters, digits and dashes. Made from the name where you leave it empty.",
  },
  account: {
    title: "Your account", menu: (/** @type {string} */ name) => `${name}: account and appearance`, operator: "operator", docs: "API documents", signOut: "Sign out",
  },
};
