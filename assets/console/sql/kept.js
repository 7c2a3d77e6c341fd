// Where statements are kept in the browser: for one person and one tenant, so that who signs in next sees none of them.

const PREFIX = "tenantry.sql.";

/** The name under which they are. @param {string} identity @param {string} tenant */
export const placeOf = (identity, tenant) => `${PREFIX}${identity}.${tenant}`;

/** Forgets all of a store. @param {Storage} store */
export function forgetStatements(store) {
  for (const name of Object.keys(store)) if (name.startsWith(PREFIX)) store.removeItem(name);
}

/** Forgets those of one tenant that are nobody's: an earlier version kept them so. @param {Storage} store @param {string} tenant */
export const forgetUnowned = (store, tenant) => store.removeItem(`${PREFIX}${tenant}`);
