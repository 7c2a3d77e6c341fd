//! Signing up where letters reach people: the address is proven first. Whoever asks learns nothing of who has an account or
//! an invitation; that is in the letter.

use super::admission::Admission;
use super::{Candidate, SignUpIn, prepare};
use crate::catalog::{Actor, By, PendingSignUp};
use crate::clock::DAY;
use crate::error::{Error, Result};
use crate::id::IdentityId;
use crate::model::letter::Content;
use crate::model::{Email, Name};
use crate::service::mail::Letter;
use crate::service::provisioning::{self, Maker, NewTenantIn};
use crate::service::tokens::hash_of;
use crate::service::{Caller, Installation, detached};
use serde_json::json;
use std::sync::Arc;

/// How long the link of a letter can be used.
const LIFETIME: i64 = DAY;

/// What the owner of the address is told.
enum Told {
    /// To confirm.
    Confirm,
    /// That there is an account already.
    Account,
    /// That this address may not sign up.
    Refused,
}

/// Whether an address has to be proven before there is an account.
pub fn needs_proof(installation: &Installation) -> bool {
    installation.mailer.sends()
}

/// Asks for an account; the owner of the address gets a letter. Up to the answer the same is done for every address.
///
/// # Errors
/// 422 with every field, 409 `slug_taken` or `too_many_tenants`, 403 where sign-up is closed, 429, 503.
pub async fn ask(installation: &Arc<Installation>, input: SignUpIn, caller: &Caller) -> Result<()> {
    installation.throttle.before_sign_up(&caller.address)?;
    Admission::of(installation.app()).refuse_closed()?;
    if let Ok(email) = Email::parse(&input.email) {
        installation.throttle.before_letter(email.as_str(), &caller.address)?;
    }
    let turn = installation.mailer.take_turn()?;
    let (new, tenant) = prepare(installation, &input).await?;
    if let Some(tenant) = &tenant {
        provisioning::refuse_taken_slug(installation, tenant).await?;
    }
    let wish = input.tenant.map(|tenant| (tenant.name, tenant.slug));
    let (installation, address) = (Arc::clone(installation), caller.address.clone());
    tokio::spawn(async move {
        if let Err(error) = send_letter(&installation, new, wish, address).await {
            tracing::error!(error = ?error, "a letter about a sign-up could not be sent");
        }
        drop(turn);
    });
    Ok(())
}

async fn send_letter(
    installation: &Installation,
    new: Candidate,
    tenant: Option<(String, Option<String>)>,
    address: Arc<str>,
) -> Result<()> {
    let token = crate::random::secret();
    let (hash, to) = (hash_of(&token), new.email.as_str().to_owned());
    let admission = Admission::of(installation.app());
    let pending = PendingSignUp {
        id: crate::id::uuid_v7(installation.clock.now()).to_string(),
        email: to.clone(),
        name: new.name.as_str().to_owned(),
        password_hash: new.hash,
        tenant,
    };
    // Who asks is not known, only from where.
    let by = By::of(Actor::System, address);
    let told = installation
        .catalog
        .write("ask_to_sign_up", move |tx| {
            if !tx.may_sign_up_again(&pending.email)? {
                return Ok(None);
            }
            let expires_at = tx.now().plus(LIFETIME);
            if let Some(known) = tx.find_identity_by_email(&new.email)? {
                tx.note_sign_up_told(&pending.id, &pending.email, expires_at)?;
                let target = format!("identity:{}", known.id);
                tx.audit(&by, "sign_up.account_exists", &target, &json!({}))?;
                return Ok(Some(Told::Account));
            }
            if admission.admit(tx, &new.email).is_err() {
                tx.note_sign_up_told(&pending.id, &pending.email, expires_at)?;
                return Ok(Some(Told::Refused));
            }
            tx.insert_sign_up(&hash, &pending, expires_at)?;
            tx.audit(&by, "sign_up.requested", &format!("sign_up:{}", pending.id), &json!({}))?;
            Ok(Some(Told::Confirm))
        })
        .await?;
    let Some(told) = told else { return Ok(()) };
    // Nothing that was typed in stands in the letter: it goes to somebody who may not have asked for it.
    let content = match told {
        Told::Confirm => Content::SignUpConfirm { link: installation.mailer.link("/console/verify", &token) },
        Told::Account => Content::SignUpKnown {},
        Told::Refused => Content::SignUpRefused {},
    };
    let letter = Letter { to, content, about: None };
    installation.mailer.send(&installation.tenancy, letter, installation.clock.now()).await
}

/// Takes the token of a letter: now there is an account, with the tenant that was asked for. False where it is none of a
/// sign-up. A tenant that cannot be made takes the account with it, and the token stays good.
///
/// # Errors
/// 409 `email_taken` where there is one by now; 403 where the address may not sign up any more.
pub(in crate::service) async fn confirm(
    installation: &Arc<Installation>,
    token: &str,
    caller: &Caller,
) -> Result<bool> {
    let hash = hash_of(token);
    let known = {
        let hash = hash.clone();
        installation.catalog.read(move |tx| tx.find_sign_up(&hash)).await?
    };
    let Some(pending) = known else { return Ok(false) };
    // Goes on to its end, or back to its beginning, even if the client does not wait.
    let (installation, address) = (Arc::clone(installation), caller.address.clone());
    detached(async move { complete(&installation, hash, pending, address).await }).await.map(|()| true)
}

async fn complete(
    installation: &Arc<Installation>,
    hash: String,
    pending: PendingSignUp,
    address: Arc<str>,
) -> Result<()> {
    let parsed = (Email::parse(&pending.email), Name::parse("name", &pending.name));
    let (Ok(email), Ok(name)) = parsed else { return Err(Error::internal("a sign-up that is none")) };
    let id = IdentityId::new(installation.clock.now());
    let by = By::of(Actor::Identity(id), address);
    let admission = Admission::of(installation.app());
    let (acts, sign_up) = (by.clone(), pending.id.clone());
    installation
        .catalog
        .write("confirm_sign_up", move |tx| {
            // Of two at the same time one comes first.
            if tx.find_sign_up(&hash)?.is_none() {
                return Err(crate::service::passwords::not_valid());
            }
            admission.admit(tx, &email)?;
            tx.insert_identity(id, &email, &name, &pending.password_hash)?;
            tx.mark_email_verified(id)?;
            let details = json!({ "sign_up": sign_up, "email_verified": true });
            tx.audit(&acts, "identity.signed_up", &format!("identity:{id}"), &details)
        })
        .await?;
    if let Some((name, slug)) = pending.tenant
        && let Err(error) = make_tenant(installation, NewTenantIn { name, slug }, id, by).await
    {
        installation.catalog.write("undo_sign_up", move |tx| tx.delete_identity(id)).await?;
        return Err(error);
    }
    installation.catalog.write("end_sign_up", move |tx| tx.delete_sign_ups(&pending.email)).await
}

/// The slug was free when it was asked for; if it is not any more, one that follows from the name has to do.
async fn make_tenant(
    installation: &Arc<Installation>,
    wish: NewTenantIn,
    owner: IdentityId,
    by: By,
) -> Result<()> {
    let new = provisioning::prepare_tenant(installation, &wish)?;
    let made = provisioning::provision_tenant(installation, new, owner, Maker::Person, by.clone()).await;
    match made {
        Err(error) if error.code() == "slug_taken" && wish.slug.is_some() => {
            let new = provisioning::prepare_tenant(installation, &NewTenantIn { slug: None, ..wish })?;
            provisioning::provision_tenant(installation, new, owner, Maker::Person, by).await.map(drop)
        }
        made => made.map(drop),
    }
}
