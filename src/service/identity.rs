//! Signing in, staying so, and who that is.

use super::mfa::SignedIn;
use super::password_hasher::Compared;
use super::sign_in_log::{Claimed, Why, note_failure};
use super::throttle::From;
use super::tokens::{self, Grant, TokenPair};
use super::{Caller, Installation, devices, new_places};
use crate::catalog::{Actor, By, CatalogTx, Identity, MyMembership, NewSession, Principal, Rotation};
use crate::error::{Error, Kind, Result};
use crate::id::{IdentityId, SessionId};
use crate::model::password::Password;
use crate::model::{Email, Name};
use std::sync::Arc;

const FAILED: &str = "sign_in_failed";

/// The body of a sign-in.
pub struct SignInIn {
    /// The address.
    pub email: String,
    /// The password.
    pub password: String,
}

/// A session to be, with its first refresh token.
pub(super) fn new_session(
    installation: &Installation,
    identity: IdentityId,
    caller: &Caller,
) -> (NewSession, Grant) {
    let id = SessionId::new(installation.clock.now());
    let grant = installation.tokens.new_refresh(id);
    let new = NewSession {
        id,
        identity,
        token_hash: grant.hash.clone(),
        user_agent: caller.user_agent.clone(),
        address: caller.address.to_string(),
    };
    (new, grant)
}

/// Writes a new session, and that it began.
/// With `is_known_device` somebody signed in to the account from there before.
pub(super) fn insert_session(
    tx: &CatalogTx<'_>,
    new: &NewSession,
    is_known_device: bool,
    by: &By,
) -> Result<()> {
    if !is_known_device {
        new_places::tell_if_new(tx, new)?;
    }
    let ended = tx.insert_session(new)?;
    let mut details = serde_json::json!({ "user_agent": new.user_agent });
    if ended > 0 {
        details["oldest_ended"] = ended.into();
    }
    tx.audit(by, "session.begun", &format!("session:{}", new.id), &details)
}

/// A new session of an identity, with its first tokens. `proven` is the hash that a password was compared with: comparing
/// takes a while, and whoever changed the password meanwhile has ended all sessions.
///
/// # Errors
/// 401 `sign_in_failed` where another password is stored by now, there is a second factor, or the account may not sign in
/// any more.
pub(super) async fn begin_session(
    installation: &Installation,
    identity: IdentityId,
    proven: Option<String>,
    is_known_device: bool,
    caller: &Caller,
) -> Result<TokenPair> {
    let (new, grant) = new_session(installation, identity, caller);
    let id = new.id;
    let by = By::of(Actor::Identity(identity), Arc::clone(&caller.address)).in_session(id);
    installation
        .catalog
        .write("begin_session", move |tx| {
            if let Some(proven) = &proven {
                let stored = tx.find_password_of(identity)?.filter(|stored| stored.identity.is_active);
                let is_still = stored.is_some_and(|stored| stored.hash == *proven);
                if !is_still || tx.has_second_factor(identity)? {
                    return Err(sign_in_failed());
                }
            }
            insert_session(tx, &new, is_known_device, &by)
        })
        .await?;
    installation.tokens.pair(id, identity, 1, Some(grant.token))
}

/// 401 that tells nothing of why.
fn sign_in_failed() -> Error {
    Error::unauthenticated(FAILED, "The address or the password is not right. Try again or reset it.")
}

/// 403 for the right password of a sign-up whose address nobody has confirmed.
fn email_unverified() -> Error {
    Error::new(
        Kind::Forbidden,
        "email_unverified",
        "Confirm your address first: the link is in the letter that was mailed to it. Sign up again to get another.",
    )
}

/// Signs a person in, or on to the second factor. Unknown, disabled and wrong are one answer, and take one time.
///
/// # Errors
/// 401 `sign_in_failed`; 403 `email_unverified` for the right password of a sign-up that waits for its confirmation; 503 when too many sign in at once.
pub async fn sign_in(installation: &Installation, input: SignInIn, caller: &Caller) -> Result<SignedIn> {
    // Counted under the one spelling of the address; what is none shares a counter.
    let email = Email::parse(&input.email).ok();
    let account = email.as_ref().map_or("", Email::as_str).to_owned();
    let device = email.as_ref().and_then(|email| devices::recognise(installation, caller, email));
    let from = device.as_deref().map_or(From::Network(&caller.address), From::Known);
    let note = |why, identity| {
        note_failure(installation, why, Claimed { identity, email: Some(&account) }, &caller.address);
    };
    installation.throttle.before_try(&account, from).inspect_err(|_| note(Why::TooManyTries, None))?;
    let (found, pending) = match email {
        Some(email) => {
            let find =
                move |tx: &CatalogTx<'_>| Ok((tx.find_password(&email)?, tx.find_pending_password(&email)?));
            installation.catalog.read(find).await?
        }
        None => (None, None),
    };
    let (id, is_pending) =
        (found.as_ref().map(|found| found.identity.id), pending.is_some() && found.is_none());
    let wrong = if id.is_some() || is_pending { Why::WrongPassword } else { Why::UnknownAddress };
    if input.password.len() > crate::model::password::MAX_BYTES {
        note(wrong, id);
        return Err(sign_in_failed());
    }
    let (identity, hash) = match found {
        Some(found) => (Some(found.identity).filter(|identity| identity.is_active), Some(found.hash)),
        None => (None, pending),
    };
    let stored = hash.clone().unwrap_or_default();
    let compared = installation
        .hasher
        .compare(Password::given(input.password), hash)
        .await
        .inspect_err(|_| installation.throttle.take_back(&account, from))?;
    let identity = match (&compared, identity) {
        (Compared::Wrong, _) => {
            note(wrong, id);
            return Err(sign_in_failed());
        }
        (_, None) if is_pending => {
            note(Why::AddressUnconfirmed, None);
            installation.throttle.succeeded(&account, from);
            return Err(email_unverified());
        }
        (_, None) => {
            note(Why::AccountDisabled, id);
            return Err(sign_in_failed());
        }
        (_, Some(identity)) => identity,
    };
    installation.throttle.succeeded(&account, from);
    let id = identity.id;
    let proven = match compared {
        Compared::RightRehash(hash) => rehash(installation, id, stored, hash).await?,
        _ => stored,
    };
    if installation.catalog.read(move |tx| tx.has_second_factor(id)).await? {
        // Of the password that was compared: if it is another by now, the token is none.
        return Ok(SignedIn::SecondFactor(installation.tokens.new_mfa(id, &proven)));
    }
    let tokens = begin_session(installation, id, Some(proven), device.is_some(), caller).await;
    let tokens = tokens.inspect_err(|error| {
        if error.code() == FAILED {
            note(Why::WrongPassword, Some(id));
        }
    })?;
    Ok(SignedIn::Tokens(tokens))
}

/// Stores a right password hashed anew, unless it was changed meanwhile. Answers the hash under which it is right.
async fn rehash(installation: &Installation, id: IdentityId, stored: String, anew: String) -> Result<String> {
    installation
        .catalog
        .write("rehash_password", move |tx| {
            if tx.find_password_hash(id)?.as_ref() != Some(&stored) {
                return Ok(stored.clone());
            }
            tx.update_password_hash(id, &anew)?;
            Ok(anew.clone())
        })
        .await
}

/// Swaps a refresh token for new tokens (DESIGN 6).
///
/// # Errors
/// 401 `refresh_token_invalid`, `session_over`, or `refresh_token_reused`, which ends the session.
pub async fn refresh(installation: &Installation, token: &str, caller: &Caller) -> Result<TokenPair> {
    let given = installation.tokens.read_refresh(token).ok_or_else(|| {
        Error::unauthenticated("refresh_token_invalid", "The refresh token is not valid. Sign in again.")
    })?;
    let session = given.session;
    let next = installation.tokens.new_refresh(session);
    let (hash, next_hash) = (given.hash, next.hash);
    let address = caller.address.clone();
    let (rotation, identity) = installation
        .catalog
        .write("rotate_session", move |tx| {
            let rotation = tx.rotate_session(session, &hash, &next_hash)?;
            let identity = tx.find_session(session)?.map(|session| session.identity);
            if let (Rotation::Reused, Some(identity)) = (&rotation, identity) {
                let by = By::of(Actor::Identity(identity), Arc::clone(&address)).in_session(session);
                let target = format!("session:{session}");
                tx.audit(&by, "session.refresh_token_reused", &target, &serde_json::json!({}))?;
            }
            Ok((rotation, identity))
        })
        .await?;
    let over = || Error::unauthenticated("session_over", "This session is over. Sign in again.");
    let identity = identity.ok_or_else(over)?;
    match rotation {
        Rotation::Rotated(generation) => {
            installation.tokens.pair(session, identity, generation, Some(next.token))
        }
        Rotation::Raced(generation) => installation.tokens.pair(session, identity, generation, None),
        Rotation::Over => Err(over()),
        Rotation::Reused => {
            tracing::warn!(session = %session, "a refresh token was used twice; its session was ended");
            Err(Error::unauthenticated(
                "refresh_token_reused",
                "This refresh token was used before, so the session was ended. Sign in again; if that was not you, \
                 end all sessions.",
            ))
        }
    }
}

/// Whether this is a refresh token of ours, of a session that asks for no more than a browser does: whoever has one goes on
/// being signed in, however much others behind the same address ask. Looks at no disk.
pub fn is_own_refresh(installation: &Installation, token: &str) -> bool {
    let given = installation.tokens.read_refresh(token);
    given.is_some_and(|given| installation.throttle.is_quiet_refresh(given.session))
}

/// Whether who is refused so was signed in until a moment ago: the token is ours, and too old.
pub fn is_expired(refusal: &Error) -> bool {
    refusal.code() == tokens::EXPIRED
}

/// The principal behind an access token or an API key.
///
/// # Errors
/// 401 when it is not valid or session, key or identity are dead.
pub async fn authenticate(installation: &Installation, token: &str) -> Result<Principal> {
    if token.starts_with(crate::model::api_key::PREFIX) {
        return super::api_keys::authenticate(installation, token).await;
    }
    let claims = installation.tokens.verify(token)?;
    installation.catalog.authenticate(&claims).await
}

/// The identity as it stands now, and where it is a member.
///
/// # Errors
/// As the catalog says.
pub async fn find_me(
    installation: &Installation,
    principal: &Principal,
) -> Result<(Identity, Vec<MyMembership>)> {
    let id = principal.id();
    installation
        .catalog
        .read(move |tx| {
            let identity = tx.find_identity(id)?.ok_or_else(Error::not_found)?;
            Ok((identity, tx.list_memberships_of(id)?))
        })
        .await
}

/// Changes the name.
///
/// # Errors
/// 422 where the name is not valid.
pub async fn rename_me(installation: &Installation, principal: &Principal, name: &str, by: By) -> Result<()> {
    let name = Name::parse("name", name).map_err(|fault| Error::invalid(vec![fault]))?;
    let id = principal.id();
    installation
        .catalog
        .write("rename_me", move |tx| {
            tx.update_identity_name(id, &name)?;
            tx.audit(&by, "identity.renamed", &format!("identity:{id}"), &serde_json::json!({}))
        })
        .await
}
