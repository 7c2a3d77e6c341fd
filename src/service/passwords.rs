//! Passwords of those who have an account: proven, changed, forgotten, set anew.

use super::mail::Letter;
use super::password_hasher::Compared;
use super::sign_in_log::{Claimed, Why, note_failure};
use super::throttle::From;
use super::tokens::hash_of;
use super::{Caller, Installation};
use crate::catalog::{Actor, By, CatalogTx, Identity, NewAccountToken, Principal, Purpose};
use crate::clock::HOUR;
use crate::error::{Error, Kind, Result};
use crate::id::IdentityId;
use crate::model::Email;
use crate::model::letter::{Content, Recipient};
use crate::model::password::{KnownWords, MAX_BYTES, Password};
use serde_json::json;
use std::sync::Arc;

/// How long the link of a letter sets a new password.
const RESET_LIFETIME: i64 = HOUR;

/// What somebody who guesses this person's password would try first.
pub(super) fn known_words<'a>(
    installation: &Installation,
    email: &str,
    name: &str,
    tenants: impl IntoIterator<Item = &'a str>,
) -> KnownWords {
    let known = KnownWords::new()
        .with("your e-mail address", email)
        .with("your name", name)
        .with("the name of this product", &installation.app().name);
    tenants.into_iter().fold(known, |known, tenant| known.with("the name of the tenant", tenant))
}

/// Checks the new password of somebody who has an account.
async fn parse_new(installation: &Installation, identity: &Identity, text: &str) -> Result<Password> {
    let id = identity.id;
    let known = move |tx: &CatalogTx<'_>| Ok((tx.list_memberships_of(id)?, tx.has_second_factor(id)?));
    let (memberships, has_second_factor) = installation.catalog.read(known).await?;
    let tenants = memberships.iter().map(|membership| membership.tenant.name.as_str());
    let known = known_words(installation, &identity.email, &identity.name, tenants);
    Password::parse_new("new_password", text, has_second_factor, &known)
        .map_err(|fault| Error::invalid(vec![fault]))
}

/// Stores a new password. A short one is good only beside a second factor, which may have gone since it was checked.
fn store(tx: &CatalogTx<'_>, id: IdentityId, hash: &str, is_short: bool) -> Result<()> {
    if is_short && !tx.has_second_factor(id)? {
        return Err(Error::new(
            Kind::Conflict,
            "password_too_short",
            "The second factor of this account is gone, and without one a password needs 15 characters. Choose another.",
        ));
    }
    tx.update_password_hash(id, hash)?;
    tx.note_password_short(id, is_short)
}

/// Ends what was begun under the password of before: links for a new one, and a change of the address that waits for its
/// confirmation. Whoever asked for that may be the one because of whom the password is changed.
fn end_links(tx: &CatalogTx<'_>, id: IdentityId) -> Result<()> {
    tx.delete_account_tokens(Purpose::PasswordReset, id)?;
    tx.replace_account_tokens(Purpose::EmailChange, id)
}

/// Has whoever is signed in prove the password; tries are counted as those of a sign-in are, for each session apart. Answers
/// the hash that it was compared with: a write that rests on it goes on only if that is still stored.
///
/// # Errors
/// 403 `password_wrong`, 429.
pub(super) async fn require_password(
    installation: &Installation,
    principal: &Principal,
    password: String,
    address: &str,
) -> Result<String> {
    let (id, account) = (principal.id(), principal.identity().email.clone());
    let session = principal.session()?.to_string();
    let from = From::Known(&session);
    let note = |why| note_failure(installation, why, Claimed::identity(id), address);
    installation.throttle.before_try(&account, from).inspect_err(|_| note(Why::TooManyTries))?;
    let stored = installation.catalog.read(move |tx| tx.find_password_hash(id)).await?;
    if password.len() > MAX_BYTES {
        note(Why::WrongPassword);
        return Err(wrong());
    }
    let compared = installation
        .hasher
        .compare(Password::given(password), stored.clone())
        .await
        .inspect_err(|_| installation.throttle.take_back(&account, from))?;
    match (compared, stored) {
        (Compared::Wrong, _) | (_, None) => {
            note(Why::WrongPassword);
            Err(wrong())
        }
        (_, Some(hash)) => {
            installation.throttle.succeeded(&account, from);
            Ok(hash)
        }
    }
}

/// 403 for a password that is not the one of who is signed in.
pub(super) fn wrong() -> Error {
    Error::new(
        Kind::Forbidden,
        "password_wrong",
        "This is not your password. Try again, or have a link for a new one mailed.",
    )
}

/// Changes the password; all other sessions end, and links for a new password or another address that were mailed.
///
/// # Errors
/// 403 `password_wrong`, 422 where the new one is weak or the old one, 429.
pub async fn change_password(
    installation: &Installation,
    principal: &Principal,
    current: String,
    new: &str,
    by: By,
) -> Result<()> {
    if current == new {
        return Err(Error::invalid_field(
            "new_password",
            "unchanged",
            "must be another than the current one",
        ));
    }
    let password = parse_new(installation, principal.identity(), new).await?;
    let proven = require_password(installation, principal, current, &by.address).await?;
    let is_short = password.is_short();
    let hash = installation.hasher.hash(password).await?;
    let (id, session) = (principal.id(), principal.session()?);
    installation
        .catalog
        .write("change_password", move |tx| {
            if tx.find_password_hash(id)?.as_ref() != Some(&proven) {
                return Err(wrong());
            }
            store(tx, id, &hash, is_short)?;
            end_links(tx, id)?;
            let ended = tx.revoke_other_sessions(id, session, "password changed")?;
            let details = json!({ "sessions_ended": ended });
            tx.audit(&by, "password.changed", &format!("identity:{id}"), &details)?;
            tell_of_change(tx, id)
        })
        .await
}

/// Mails a link for a new password, if somebody has this address. What is done before the answer does not depend on
/// that; the rest is done after it.
///
/// # Errors
/// 422 for what is no address, 429 `too_many_letters`, 503 where too many letters wait.
pub fn forget_password(installation: &Arc<Installation>, email: &str, caller: &Caller) -> Result<()> {
    let email = Email::parse(email).map_err(|fault| Error::invalid(vec![fault]))?;
    installation.throttle.before_letter(email.as_str(), &caller.address)?;
    let turn = installation.mailer.take_turn()?;
    let (installation, address) = (Arc::clone(installation), caller.address.clone());
    tokio::spawn(async move {
        if let Err(error) = send_reset(&installation, email, address).await {
            tracing::error!(error = ?error, "a letter for a new password could not be sent");
        }
        drop(turn);
    });
    Ok(())
}

async fn send_reset(installation: &Installation, email: Email, address: Arc<str>) -> Result<()> {
    let token = crate::random::secret();
    let hash = hash_of(&token);
    // Who asks is not known, only from where.
    let by = By::of(Actor::System, address);
    let identity = installation
        .catalog
        .write("forget_password", move |tx| {
            let found = tx.find_identity_by_email(&email)?.filter(|identity| identity.is_active);
            let Some(identity) = found else { return Ok(None) };
            let new = NewAccountToken {
                hash: hash.clone(),
                purpose: Purpose::PasswordReset,
                identity: identity.id,
                email: identity.email.clone(),
                expires_at: tx.now().plus(RESET_LIFETIME),
            };
            if !tx.insert_account_token(&new)? {
                return Ok(None);
            }
            tx.audit(&by, "password.reset_requested", &format!("identity:{}", identity.id), &json!({}))?;
            Ok(Some(identity))
        })
        .await?;
    let Some(identity) = identity else { return Ok(()) };
    let content = Content::PasswordReset { link: installation.mailer.link("/console/reset", &token) };
    let letter = Letter { to: identity.email, content, about: None };
    installation.mailer.send(&installation.tenancy, letter, installation.clock.now()).await
}

/// Sets a new password by the token of a letter; all sessions end, and links for another address. It signs nobody in: a second factor is still asked for.
///
/// # Errors
/// 404 `link_not_valid`, 422 where the password is weak; the token then stays good. 429.
pub async fn reset_password(
    installation: &Installation,
    token: &str,
    new: &str,
    caller: &Caller,
) -> Result<()> {
    installation.throttle.before_link(&caller.address)?;
    let hash = hash_of(token);
    let owner = {
        let hash = hash.clone();
        installation.catalog.read(move |tx| tx.find_token_owner(Purpose::PasswordReset, &hash)).await?
    };
    let (owner, _) = owner.ok_or_else(not_valid)?;
    let password = parse_new(installation, &owner, new).await?;
    let is_short = password.is_short();
    let password_hash = installation.hasher.hash(password).await?;
    let (id, by) = (owner.id, By::of(Actor::Identity(owner.id), Arc::clone(&caller.address)));
    installation
        .catalog
        .write("reset_password", move |tx| {
            // Of two at the same time one comes first; nothing of the other holds.
            if tx.find_token_owner(Purpose::PasswordReset, &hash)?.is_none() {
                return Err(not_valid());
            }
            end_links(tx, id)?;
            tx.mark_email_verified(id)?;
            store(tx, id, &password_hash, is_short)?;
            let ended = tx.revoke_sessions_of(id, "password reset")?;
            tx.audit(&by, "password.reset", &format!("identity:{id}"), &json!({ "sessions_ended": ended }))?;
            tell_of_change(tx, id)
        })
        .await?;
    // What others guessed before does not keep the owner waiting.
    installation.throttle.succeeded(&owner.email, From::Network(&caller.address));
    Ok(())
}

/// 404 for a token that nothing can be done with.
pub(super) fn not_valid() -> Error {
    Error::new(
        Kind::NotFound,
        "link_not_valid",
        "This link was used, has expired, or was never one of ours. Ask for another.",
    )
}

fn tell_of_change(tx: &CatalogTx<'_>, id: IdentityId) -> Result<()> {
    let fact = format!("password_changed {id} {}", tx.now().0);
    tx.post(&fact, &Recipient::Identity(id), &Content::PasswordChanged {})
}
