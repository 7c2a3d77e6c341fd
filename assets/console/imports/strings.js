// The words of imports. They are loaded with them; the name of the screen is in `../strings.js`.

const plural = (/** @type {number} */ count, /** @type {string} */ one, /** @type {string} */ many) =>
  `${count.toLocaleString()} ${count === 1 ? one : many}`;

export const w = {
  about: "An export of another installation, or of this one, becomes a new tenant of yours. You see what is in it before anything is made.",
  drop: "Drop the zip file of an export here", choose: "Choose a file",
  dropHint: "What “Export everything” made, as it was downloaded. It is checked against the digests in it, and nothing in it is run.",
  notZip: (/** @type {string} */ name) => `“${name}” is no zip file. Choose the file that an export made.`,
  sending: (/** @type {string} */ name) => `Sending ${name}`, sent: (/** @type {string} */ part, /** @type {string} */ size) => `${part} of ${size}`, looking: "Sent. It is being taken in…",
  mine: "Your imports", export: "Export", size: "Size", status: "Status", when: "Brought", until: "Kept until", unnamed: "A file, not looked at yet", file: "A file",
  statuses: /** @type {Record<string, string>} */ ({ queued: "waits", running: "under way", previewed: "to be decided", ready: "imported", failed: "refused", expired: "expired" }),
  none: "Nothing was imported yet", noneText: "To move a tenant here, open “Export and leave” where it is now, export everything, and bring the file.",
  title: (/** @type {string} */ name) => `Import of ${name}`, one: "Import",
  waiting: "It waits for its turn.", inspecting: "It is unpacked, checked against its digests, and filled into an empty database of this app.", making: "The tenant is being made.",
  leaveText: "You can leave this page; it goes on.",
  failed: "It was refused, and nothing was made of it.", failedNext: "Mend what it says, or export anew, and bring the file again.", another: "Bring another file",
  expired: "Nobody decided within a day, so the file was removed. Bring it again.",
  ready: (/** @type {string} */ name) => `${name} is here, and you own it.`, open: "Open it",
  decide: "This is what would come over. Nothing is made so far.", keptUntil: "The file waits for you until",
  problems: "What stands against it", problemsNext: "It cannot be imported before that is mended.",
  source: "Where it comes from", vouch: "As the file says; nobody vouches for it.",
  name: "Name", slug: "Slug", installation: "Installation", version: "Version of Tenantry", exported: "Exported", digest: "SHA-256", uploads: "Uploads",
  uploadsOf: (/** @type {number} */ n, /** @type {string} */ size) => (n === 0 ? "none" : `${plural(n, "file", "files")}, ${size}`),
  schema: "Tables", schemas: /** @type {Record<string, string>} */ ({ same: "the same as those of the app here", older: "of an earlier version of the app: the migrations since then are run", different: "others than those of the app here: what both have comes over" }),
  tables: "Records", table: "Table", rows: "Rows", leftColumns: "Columns left out", addedColumns: "Columns with defaults", noTables: "There are no records in it",
  members: (/** @type {number} */ n) => (n === 1 ? "1 person" : `${n.toLocaleString()} people`), member: "Person", role: "Role there", here: "Here",
  membersText: "You become the owner, and nobody else a member by themselves. You may have them invited; each gets a mail with a link.",
  you: "you", owner: "owner", account: "has an account", noAccount: "no account yet", others: "not a member yet", shownFirst: (/** @type {number} */ n) => `The first ${n.toLocaleString()} are shown.`,
  leftOut: "What does not come over", make: "Make it a tenant", makeAct: "Make the tenant",
  nameHint: "Empty for the name that it had.", slugHint: "Empty for one that is made of the name.",
  invite: "Invite the others", inviteText: "All whose role is known here, with that role.",
  discard: "Discard", discardTitle: "Discard this import?", discardText: "The file is removed. You can bring it again at any time.", discarded: "Discarded.",
};
