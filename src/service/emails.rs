//! The address of an account: shown to be its owner's, and changed.

use super::mail::Letter;
use super::passwords::{not_valid, require_password, wrong};
use super::second_factor::{self, Checked};
use super::tokens::hash_of;
use super::{Caller, Installation, sign_up};
use crate::catalog::{Actor, By, NewAccountToken, Principal, Purpose};
use crate::clock::DAY;
use crate::error::{Error, FieldError, Result};
use crate::model::Email;
use crate::model::letter::{Content, Recipient};
use serde_json::json;
use std::sync::Arc;

/// How long the link of a letter can be used.
const LIFETIME: i64 = DAY;

/// Mails a link by which whoever is signed in shows to read mail to the account's address.
///
/// # Errors
/// 409 `already_verified`, 429 `too_many_letters`.
pub async fn send_verification(installation: &Installation, principal: &Principal, by: By) -> Result<()> {
    let email = principal.identity().email.clone();
    installation.throttle.before_letter(&email, &by.address)?;
    let token = crate::random::secret();
    let (hash, id, to) = (hash_of(&token), principal.id(), email.clone());
    installation
        .catalog
        .write("send_verification", move |tx| {
            if tx.find_identity(id)?.is_some_and(|identity| identity.email_verified) {
                return Err(Error::conflict(
                    "already_verified",
                    "Your address is verified; nothing is to be done.",
                ));
            }
            let new = NewAccountToken {
                hash: hash.clone(),
                purpose: Purpose::EmailVerification,
                identity: id,
                email: email.clone(),
                expires_at: tx.now().plus(LIFETIME),
            };
            if !tx.insert_account_token(&new)? {
                return Err(enough_letters());
            }
            tx.audit(&by, "email.verification_requested", &format!("identity:{id}"), &json!({}))
        })
        .await?;
    let content = Content::VerifyEmail { link: installation.mailer.link("/console/verify", &token) };
    let letter = Letter { to, content, about: None };
    installation.mailer.send(&installation.tenancy, letter, installation.clock.now()).await
}

fn enough_letters() -> Error {
    Error::too_many(
        "too_many_letters",
        "Enough of these letters were sent in the last day. Use the newest one, or come back tomorrow.",
        3_600,
    )
}

/// Asks for another address. The account has it once somebody who reads mail to it confirms; both addresses are told. A
/// taken address gets the same answer: its owner is told by mail, and nobody else. Who has a second factor sends a code of
/// it too.
///
/// # Errors
/// 403 `password_wrong`, `code_required`, `code_wrong`; 422 for what is no address or the present one, 429.
pub async fn change_email(
    installation: &Arc<Installation>,
    principal: &Principal,
    new: &str,
    password: String,
    code: Option<String>,
    by: By,
) -> Result<()> {
    let email = Email::parse(new)
        .map_err(|fault| Error::invalid(vec![FieldError { field: "new_email".to_owned(), ..fault }]))?;
    let present = principal.identity().email.clone();
    if email.as_str() == present {
        return Err(Error::invalid_field("new_email", "unchanged", "must be another than the present one"));
    }
    second_factor::require_sent(principal, code.as_deref())?;
    let proven = require_password(installation, principal, password, &by.address).await?;
    let (key, address, sends_code) = (installation.keys.factors, by.address.clone(), code.is_some());
    if sends_code {
        installation.throttle.before_code(&address)?;
    }
    installation.throttle.before_letter(email.as_str(), &address)?;
    let turn = installation.mailer.take_turn()?;
    let token = crate::random::secret();
    let (hash, id, to) = (hash_of(&token), principal.id(), email.as_str().to_owned());
    let (checked, is_taken) = installation
        .catalog
        .write("change_email", move |tx| {
            if tx.find_password_hash(id)?.as_ref() != Some(&proven) {
                return Err(wrong());
            }
            let checked = second_factor::check_too(tx, &key, id, code.as_deref(), &by)?;
            if checked != Checked::Right {
                return Ok((checked, false));
            }
            let new = NewAccountToken {
                hash: hash.clone(),
                purpose: Purpose::EmailChange,
                identity: id,
                email: email.as_str().to_owned(),
                expires_at: tx.now().plus(LIFETIME),
            };
            // Whoever reads mail to an address that was mistyped before must not get the account.
            tx.replace_account_tokens(Purpose::EmailChange, id)?;
            if !tx.insert_account_token(&new)? {
                return Err(enough_letters());
            }
            tx.audit(&by, "email.change_requested", &format!("identity:{id}"), &json!({}))?;
            Ok((checked, tx.find_identity_by_email(&email)?.is_some()))
        })
        .await?;
    checked.right_or(second_factor::code_wrong)?;
    if sends_code {
        installation.throttle.code_was_right(&address);
    }
    let installation = Arc::clone(installation);
    tokio::spawn(async move {
        tell_both(&installation, present, to, &token, is_taken).await;
        drop(turn);
    });
    Ok(())
}

async fn tell_both(installation: &Installation, present: String, new: String, token: &str, is_taken: bool) {
    let about_new = if is_taken {
        Content::EmailChangeTaken {}
    } else {
        Content::EmailChangeConfirm { link: installation.mailer.link("/console/verify", token) }
    };
    let about_present = Content::EmailChangeAsked { new_email: new.clone() };
    for (to, content) in [(present, about_present), (new, about_new)] {
        let letter = Letter { to, content, about: None };
        installation.mailer.tell(&installation.tenancy, letter, installation.clock.now()).await;
    }
}

/// Takes the token of a letter: the address of the account is verified, or changed to the one that was asked for, or there
/// is an account for it now.
///
/// # Errors
/// 404 `link_not_valid`, 409 `email_taken` where somebody else has the new address by now, 429.
pub async fn verify_email(installation: &Arc<Installation>, token: &str, caller: &Caller) -> Result<()> {
    installation.throttle.before_link(&caller.address)?;
    if sign_up::confirm(installation, token, caller).await? {
        return Ok(());
    }
    let (hash, address) = (hash_of(token), caller.address.clone());
    installation
        .catalog
        .write("verify_email", move |tx| {
            let act = |id| By::of(Actor::Identity(id), Arc::clone(&address));
            if let Some((owner, _)) = tx.find_token_owner(Purpose::EmailVerification, &hash)? {
                tx.delete_account_tokens(Purpose::EmailVerification, owner.id)?;
                tx.mark_email_verified(owner.id)?;
                let target = format!("identity:{}", owner.id);
                tx.audit(&act(owner.id), "email.verified", &target, &json!({}))?;
                return Ok(());
            }
            let found = tx.find_token_owner(Purpose::EmailChange, &hash)?;
            let (owner, new) = found.ok_or_else(not_valid)?;
            tx.update_email(owner.id, &new)?;
            for purpose in [Purpose::EmailChange, Purpose::EmailVerification, Purpose::PasswordReset] {
                tx.delete_account_tokens(purpose, owner.id)?;
            }
            tx.audit(&act(owner.id), "email.changed", &format!("identity:{}", owner.id), &json!({}))?;
            for (number, to) in [owner.email, new.clone()].into_iter().enumerate() {
                let fact = format!("email_changed {} {} {number}", owner.id, tx.now().0);
                tx.post(&fact, &Recipient::Address(to), &Content::EmailChanged { new_email: new.clone() })?;
            }
            Ok(())
        })
        .await
}
