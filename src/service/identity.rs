//! Signing up and in.

use super::password_hasher::Compared;
use super::tenants::{self, NewTenantIn};
use super::tokens::TokenPair;
use super::{Caller, Installation};
use crate::catalog::{
    Actor, By, Identity, MyMembership, NewSession, Principal, Rotation, Tenant, email_taken,
};
use crate::error::{Error, FieldError, Kind, Result};
use crate::id::{IdentityId, SessionId};
use crate::model::password::Password;
use crate::model::{Email, Name};
use crate::tenancy::SignUp;
use std::sync::Arc;

/// The body of a sign-up.
pub struct SignUpIn {
    /// The address.
    pub email: String,
    /// The password.
    pub password: String,
    /// The person's name.
    pub name: String,
    /// A tenant to own, at once.
    pub tenant: Option<NewTenantIn>,
}

/// The body of a sign-in.
pub struct SignInIn {
    /// The address.
    pub email: String,
    /// The password.
    pub password: String,
}

/// Someone new, signed in.
pub struct SignedUp {
    /// The identity.
    pub identity: Identity,
    /// Its tenant, if one was asked for.
    pub tenant: Option<Tenant>,
    /// The tokens.
    pub tokens: TokenPair,
}

/// An identity that is valid and not stored yet.
pub(super) struct Candidate {
    pub(super) id: IdentityId,
    pub(super) email: Email,
    pub(super) name: Name,
    pub(super) hash: String,
}

/// Checks the three fields of a new identity and hashes the password; names every field at fault.
pub(super) async fn prepare_identity(
    installation: &Installation,
    email: &str,
    name: &str,
    password: &str,
    mut faults: Vec<FieldError>,
) -> Result<Candidate> {
    let parsed_email = Email::parse(email);
    let parsed_name = Name::parse("name", name);
    let parsed_password = Password::parse_new("password", password, &[email, name]);
    match (parsed_email, parsed_name, parsed_password) {
        (Ok(email), Ok(name), Ok(password)) if faults.is_empty() => {
            let hash = installation.hasher.hash(password).await?;
            Ok(Candidate { id: IdentityId::new(installation.clock.now()), email, name, hash })
        }
        (email, name, password) => {
            faults.extend(email.err());
            faults.extend(name.err());
            faults.extend(password.err());
            Err(Error::invalid(faults))
        }
    }
}

/// Signs a person up, with a tenant if one is asked for. A tenant that cannot be made takes the sign-up with it.
///
/// # Errors
/// 422 with every field, 409 `email_taken` or `slug_taken`, 403 where sign-up is not open.
pub async fn sign_up(installation: &Arc<Installation>, input: SignUpIn, caller: &Caller) -> Result<SignedUp> {
    // Goes on to its end, or back to its beginning, even if the client does not wait.
    let (installation, caller) = (Arc::clone(installation), caller.clone());
    tokio::spawn(async move { complete_sign_up(&installation, input, &caller).await })
        .await
        .unwrap_or_else(|error| Err(Error::internal(error)))
}

async fn complete_sign_up(
    installation: &Arc<Installation>,
    input: SignUpIn,
    caller: &Caller,
) -> Result<SignedUp> {
    installation.throttle.before_sign_up(&caller.address)?;
    admit_sign_up(installation, &input.email).await?;
    refuse_taken(installation, &input.email).await?;
    let mut faults = Vec::new();
    let tenant = input.tenant.as_ref().map(|tenant| tenants::prepare_tenant(installation, tenant));
    let tenant = match tenant {
        Some(Err(error)) => {
            faults.extend(
                error
                    .fields()
                    .iter()
                    .map(|field| FieldError { field: format!("tenant.{}", field.field), ..field.clone() }),
            );
            None
        }
        Some(Ok(tenant)) => Some(tenant),
        None => None,
    };
    let new = prepare_identity(installation, &input.email, &input.name, &input.password, faults).await?;
    let by = By { actor: Actor::Identity(new.id), address: caller.address.clone() };
    let id = new.id;
    let identity = {
        let by = by.clone();
        installation
            .catalog
            .write("sign_up", move |tx| {
                let identity = tx.insert_identity(new.id, &new.email, &new.name, &new.hash)?;
                tx.audit(&by, "identity.signed_up", &format!("identity:{}", new.id), &serde_json::json!({}))?;
                Ok(identity)
            })
            .await?
    };
    let tenant = match tenant {
        None => None,
        Some(tenant) => match tenants::provision_tenant(installation, tenant, id, by).await {
            Ok(tenant) => Some(tenant),
            Err(error) => {
                installation.catalog.write("undo_sign_up", move |tx| tx.delete_identity(id)).await?;
                return Err(error);
            }
        },
    };
    let tokens = begin_session(installation, id, caller).await?;
    Ok(SignedUp { identity, tenant, tokens })
}

/// Without mail a taken address is told anyway; told before the hash, it costs nothing.
async fn refuse_taken(installation: &Installation, email: &str) -> Result<()> {
    let Ok(email) = Email::parse(email) else { return Ok(()) };
    match installation.catalog.read(move |tx| tx.find_identity_by_email(&email)).await? {
        None => Ok(()),
        Some(_) => Err(email_taken()),
    }
}

async fn admit_sign_up(installation: &Installation, email: &str) -> Result<()> {
    let refuse = |why: &'static str| Err(Error::new(Kind::Forbidden, "sign_up_closed", why));
    match installation.app().sign_up {
        SignUp::Open => Ok(()),
        SignUp::Closed => refuse("Signing up is closed here. Ask the operator for an account."),
        SignUp::Invited => {
            let Ok(email) = Email::parse(email) else { return Ok(()) };
            let invited = installation.catalog.read(move |tx| tx.is_invited(&email)).await?;
            if invited {
                Ok(())
            } else {
                refuse("Signing up needs an invitation. Ask a member of your tenant for one.")
            }
        }
    }
}

async fn begin_session(
    installation: &Installation,
    identity: IdentityId,
    caller: &Caller,
) -> Result<TokenPair> {
    let id = SessionId::new(installation.clock.now());
    let grant = installation.tokens.new_refresh(id);
    let new = NewSession {
        id,
        identity,
        token_hash: grant.hash,
        user_agent: caller.user_agent.clone(),
        address: caller.address.clone(),
    };
    installation.catalog.write("begin_session", move |tx| tx.insert_session(&new)).await?;
    installation.tokens.pair(id, identity, 1, Some(grant.token))
}

/// Signs a person in. Unknown, disabled and wrong are one answer, and take one time.
///
/// # Errors
/// 401 `sign_in_failed`; 503 when too many sign in at once.
pub async fn sign_in(installation: &Installation, input: SignInIn, caller: &Caller) -> Result<TokenPair> {
    let failed = || {
        Error::unauthenticated(
            "sign_in_failed",
            "The address or the password is not right. Try again or reset it.",
        )
    };
    // Counted under the one spelling of the address; what is none shares a counter.
    let email = Email::parse(&input.email).ok();
    let account = email.as_ref().map_or("", Email::as_str).to_owned();
    installation.throttle.before_try(&account, &caller.address)?;
    let found = match email {
        Some(email) => installation.catalog.read(move |tx| tx.find_password(&email)).await?,
        None => None,
    };
    if input.password.len() > crate::model::password::MAX_BYTES {
        return Err(failed());
    }
    let (identity, hash) = match found {
        Some(found) => (Some(found.identity).filter(|identity| identity.is_active), Some(found.hash)),
        None => (None, None),
    };
    let compared = installation
        .hasher
        .compare(Password::given(input.password), hash)
        .await
        .inspect_err(|_| installation.throttle.take_back(&account, &caller.address))?;
    let identity = match (&compared, identity) {
        (Compared::Wrong, _) | (_, None) => return Err(failed()),
        (_, Some(identity)) => identity,
    };
    installation.throttle.succeeded(&account, &caller.address);
    if let Compared::RightRehash(hash) = compared {
        let id = identity.id;
        installation.catalog.write("rehash_password", move |tx| tx.update_password_hash(id, &hash)).await?;
    }
    begin_session(installation, identity.id, caller).await
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
                let by = By { actor: Actor::Identity(identity), address: address.clone() };
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

/// The principal behind an access token.
///
/// # Errors
/// 401 when the token is not valid or session or identity are dead.
pub async fn authenticate(installation: &Installation, token: &str) -> Result<Principal> {
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
pub async fn rename_me(installation: &Installation, principal: &Principal, name: &str) -> Result<()> {
    let name = Name::parse("name", name).map_err(|fault| Error::invalid(vec![fault]))?;
    let id = principal.id();
    installation.catalog.write("rename_me", move |tx| tx.update_identity_name(id, &name)).await
}
