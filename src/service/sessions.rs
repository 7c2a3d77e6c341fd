//! The sessions of an identity: seen and ended.

use super::Installation;
use crate::catalog::{By, Principal, Session};
use crate::error::{Error, Result};
use crate::id::SessionId;
use serde_json::json;

/// Sessions that are not over, newest first.
///
/// # Errors
/// As the catalog says.
pub async fn list_sessions(installation: &Installation, principal: &Principal) -> Result<Vec<Session>> {
    let id = principal.id();
    installation.catalog.read(move |tx| tx.list_sessions(id)).await
}

/// Ends the session that asks.
///
/// # Errors
/// As the catalog says.
pub async fn sign_out(installation: &Installation, principal: &Principal, by: By) -> Result<()> {
    let session = principal.session()?;
    installation
        .catalog
        .write("sign_out", move |tx| {
            tx.revoke_session(session, "signed out")?;
            tx.audit(&by, "session.ended", &format!("session:{session}"), &json!({}))
        })
        .await
}

/// Ends all sessions of the identity, this one included.
///
/// # Errors
/// As the catalog says.
pub async fn sign_out_everywhere(installation: &Installation, principal: &Principal, by: By) -> Result<()> {
    let id = principal.id();
    installation
        .catalog
        .write("sign_out_everywhere", move |tx| {
            tx.revoke_sessions_of(id, "signed out everywhere")?;
            tx.audit(&by, "session.all_ended", &format!("identity:{id}"), &json!({}))
        })
        .await
}

/// Ends one session of the identity.
///
/// # Errors
/// 404 if it is not the identity's own, or over.
pub async fn revoke_session(
    installation: &Installation,
    principal: &Principal,
    session: SessionId,
    by: By,
) -> Result<()> {
    let id = principal.id();
    installation
        .catalog
        .write("revoke_session", move |tx| {
            let own = tx.find_session(session)?.is_some_and(|session| session.identity == id);
            if own && tx.revoke_session(session, "ended from another session")? {
                tx.audit(&by, "session.ended", &format!("session:{session}"), &json!({}))
            } else {
                Err(Error::not_found())
            }
        })
        .await
}

/// How long sessions that are over are kept, so that a late reuse of their tokens is still recognised.
const KEPT: i64 = 120 * crate::clock::DAY;

/// Removes sessions that were over long ago, and what letters offered that nobody used.
///
/// # Errors
/// As the catalog says.
pub async fn sweep_sessions(installation: &Installation) -> Result<()> {
    let before = installation.clock.now().plus(-KEPT);
    installation
        .catalog
        .write("sweep_sessions", move |tx| {
            tx.delete_old_account_tokens()?;
            tx.delete_old_sign_ups()?;
            tx.delete_old_sessions(before).map(drop)
        })
        .await
}
