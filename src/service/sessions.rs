//! The sessions of an identity: seen and ended.

use super::{Caller, Installation};
use crate::catalog::{Actor, By, Principal, Session};
use crate::error::{Error, Kind, Result};
use crate::id::SessionId;
use crate::model::Email;
use serde_json::json;
use std::sync::Arc;

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

/// Ends the session of a refresh token that a browser had when somebody signed in there anew.
///
/// # Errors
/// As the catalog says.
pub async fn end_replaced(installation: &Installation, token: &str, caller: &Caller) -> Result<()> {
    let Some(given) = installation.tokens.read_refresh(token) else { return Ok(()) };
    let (session, address) = (given.session, caller.address.clone());
    installation
        .catalog
        .write("end_replaced_session", move |tx| {
            let Some(found) = tx.find_session(session)? else { return Ok(()) };
            if tx.revoke_session(session, "replaced by another sign-in")? {
                let by = By::of(Actor::Identity(found.identity), Arc::clone(&address)).in_session(session);
                tx.audit(&by, "session.ended", &format!("session:{session}"), &json!({ "replaced": true }))?;
            }
            Ok(())
        })
        .await
}

/// Whose sessions an operator ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Those of the account with this address.
    Account(String),
    /// Everybody's.
    Everybody,
}

/// Ends sessions as an operator; answers how many there were.
///
/// # Errors
/// 404 `unknown_account`, 422 for what is no address.
pub async fn end_sessions(installation: &Installation, whose: Whose, by: By) -> Result<usize> {
    let email = match whose {
        Whose::Everybody => None,
        Whose::Account(email) => Some(Email::parse(&email).map_err(|fault| Error::invalid(vec![fault]))?),
    };
    installation
        .catalog
        .write("end_sessions", move |tx| {
            let Some(email) = &email else {
                let ended = tx.revoke_all_sessions("ended by an operator")?;
                tx.audit(
                    &by,
                    "session.everybody_ended",
                    "installation",
                    &json!({ "sessions_ended": ended }),
                )?;
                return Ok(ended);
            };
            let identity = tx.find_identity_by_email(email)?.ok_or_else(unknown_account)?.id;
            let ended = tx.revoke_sessions_of(identity, "ended by an operator")?;
            let target = format!("identity:{identity}");
            tx.audit(&by, "session.all_ended", &target, &json!({ "sessions_ended": ended }))?;
            Ok(ended)
        })
        .await
}

fn unknown_account() -> Error {
    Error::new(Kind::NotFound, "unknown_account", "There is no account with this address.")
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
