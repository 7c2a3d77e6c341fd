//! Signing up: a new identity, with a tenant of its own if it wants one.

mod admission;
mod by_mail;

pub(super) use by_mail::confirm;
pub use by_mail::{ask, needs_proof};

use super::identity::begin_session;
use super::passwords;
use super::provisioning::{self, Maker, NewTenantIn, TenantCandidate};
use super::tokens::TokenPair;
use super::{Caller, Installation};
use crate::catalog::{Actor, By, Identity, Tenant, email_taken};
use crate::error::{Error, FieldError, Result};
use crate::id::IdentityId;
use crate::model::password::Password;
use crate::model::{Email, Name};
use crate::tenancy::SignUp;
use admission::Admission;
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

/// Who may sign up, as app.toml says it: `open`, `invited`, `domains` or `closed`.
pub fn mode(installation: &Installation) -> &'static str {
    match installation.app().sign_up {
        SignUp::Open => "open",
        SignUp::Invited => "invited",
        SignUp::Domains => "domains",
        SignUp::Closed => "closed",
    }
}

/// Checks the three fields of a new identity and hashes the password; names every field at fault. `tenant` is the name
/// of the tenant that is made with it.
pub(super) async fn prepare_identity(
    installation: &Installation,
    email: &str,
    name: &str,
    password: &str,
    tenant: Option<&str>,
    mut faults: Vec<FieldError>,
) -> Result<Candidate> {
    let parsed_email = Email::parse(email);
    let parsed_name = Name::parse("name", name);
    let known = passwords::known_words(installation, email, name, tenant);
    let parsed_password = Password::parse_new("password", password, false, &known);
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
/// 422 with every field, 409 `email_taken`, `slug_taken` or `too_many_tenants`, 403 where sign-up is not open.
pub async fn sign_up(installation: &Arc<Installation>, input: SignUpIn, caller: &Caller) -> Result<SignedUp> {
    // Goes on to its end, or back to its beginning, even if the client does not wait.
    let (installation, caller) = (Arc::clone(installation), caller.clone());
    tokio::spawn(async move { complete_sign_up(&installation, input, &caller).await })
        .await
        .unwrap_or_else(|error| Err(Error::internal(error)))
}

/// Checks all of a sign-up, and hashes the password.
async fn prepare(
    installation: &Installation,
    input: &SignUpIn,
) -> Result<(Candidate, Option<TenantCandidate>)> {
    if input.tenant.is_some() {
        // Told before anything is made where nobody may make any.
        provisioning::admit_one_more(0, installation.config.tenants_per_identity)?;
    }
    let mut faults = Vec::new();
    let tenant = input.tenant.as_ref().map(|tenant| provisioning::prepare_tenant(installation, tenant));
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
    let tenant_name = input.tenant.as_ref().map(|tenant| tenant.name.as_str());
    let new = prepare_identity(installation, &input.email, &input.name, &input.password, tenant_name, faults);
    Ok((new.await?, tenant))
}

async fn complete_sign_up(
    installation: &Arc<Installation>,
    input: SignUpIn,
    caller: &Caller,
) -> Result<SignedUp> {
    installation.throttle.before_sign_up(&caller.address)?;
    if let Ok(email) = Email::parse(&input.email) {
        let admission = Admission::of(installation.app());
        // Without mail a taken address is told anyway; told before the hash, it costs nothing.
        installation
            .catalog
            .read(move |tx| {
                admission.admit(tx, &email)?;
                match tx.find_identity_by_email(&email)? {
                    None => Ok(()),
                    Some(_) => Err(email_taken()),
                }
            })
            .await?;
    }
    Admission::of(installation.app()).refuse_closed()?;
    let (new, tenant) = prepare(installation, &input).await?;
    let by = By::of(Actor::Identity(new.id), Arc::clone(&caller.address));
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
        Some(tenant) => {
            match provisioning::provision_tenant(installation, tenant, id, Maker::Person, by).await {
                Ok(tenant) => Some(tenant),
                Err(error) => {
                    installation.catalog.write("undo_sign_up", move |tx| tx.delete_identity(id)).await?;
                    return Err(error);
                }
            }
        }
    };
    let tokens = begin_session(installation, id, None, true, caller).await?;
    Ok(SignedUp { identity, tenant, tokens })
}
