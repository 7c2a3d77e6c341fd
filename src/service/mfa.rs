//! The second step of a sign-in.

use super::identity::{insert_session, new_session};
use super::second_factor::{Checked, check};
use super::sign_in_log::{Claimed, Why, note_failure};
use super::tokens::TokenPair;
use super::{Caller, Installation, devices};
use crate::catalog::{Actor, By};
use crate::error::{Error, Result};
use crate::model::Email;
use std::sync::Arc;

/// What a right password leads to.
pub enum SignedIn {
    /// Tokens.
    Tokens(TokenPair),
    /// The token for the second step.
    SecondFactor(String),
}

const TOKEN_INVALID: &str = "mfa_token_invalid";

fn token_invalid() -> Error {
    Error::unauthenticated(
        TOKEN_INVALID,
        "This step of the sign-in is over. Begin anew with address and password.",
    )
}

/// The second step: a code of the second factor, or a recovery code.
///
/// # Errors
/// 401 `mfa_token_invalid`, 401 `second_factor_failed`, 429 after too many wrong codes.
pub async fn sign_in_with_code(
    installation: &Installation,
    token: &str,
    code: String,
    caller: &Caller,
) -> Result<TokenPair> {
    let note = |why, claimed: Claimed<'_>| note_failure(installation, why, claimed, &caller.address);
    let token = installation.tokens.read_mfa(token).ok_or_else(|| {
        note(Why::StepOver, Claimed::default());
        token_invalid()
    })?;
    installation
        .throttle
        .before_code(&caller.address)
        .inspect_err(|_| note(Why::TooManyTries, Claimed::default()))?;
    let id = token.identity;
    let (mfa_key, key) = (installation.tokens.refresh_key(), installation.keys.factors);
    let (new, grant) = new_session(installation, id, caller);
    let by = By::of(Actor::Identity(id), Arc::clone(&caller.address)).in_session(new.id);
    let session = new.id;
    let email = installation.catalog.read(move |tx| Ok(tx.find_identity(id)?.map(|one| one.email))).await?;
    let email = email.and_then(|email| Email::parse(&email).ok());
    let is_known = email.is_some_and(|email| devices::recognise(installation, caller, &email).is_some());
    let checked = installation
        .catalog
        .write("sign_in_with_code", move |tx| {
            let stored = tx.find_password_of(id)?.filter(|stored| stored.identity.is_active);
            if !stored.is_some_and(|stored| token.is_of(&mfa_key, &stored.hash)) {
                return Err(token_invalid());
            }
            // Removed meanwhile: then the password is enough, but not by this way.
            let factor = tx.find_second_factor(id)?.filter(|factor| factor.confirmed_at.is_some());
            let checked = check(tx, &key, id, &factor.ok_or_else(token_invalid)?, &code, &by)?;
            if checked == Checked::Right {
                insert_session(tx, &new, is_known, &by)?;
            }
            Ok(checked)
        })
        .await
        .inspect_err(|error| {
            if error.code() == TOKEN_INVALID {
                note(Why::StepOver, Claimed::default());
            }
        })?;
    match checked {
        Checked::Right => {}
        Checked::Wrong => note(Why::WrongCode, Claimed::identity(id)),
        Checked::Wait(_) => note(Why::TooManyCodes, Claimed::identity(id)),
    }
    checked.right_or(|| {
        Error::unauthenticated(
            "second_factor_failed",
            "The code is not right, or was used before. Wait for the next one, and look whether the clock of your \
             device is right.",
        )
    })?;
    installation.throttle.code_was_right(&caller.address);
    installation.tokens.pair(session, id, 1, Some(grant.token))
}
