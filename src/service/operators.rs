//! Who runs the installation, and the first of them.

use super::sign_up::prepare_identity;
use super::{Caller, Installation};
use crate::catalog::{By, Identity};
use crate::error::{Error, FieldError, Kind, Result};
use crate::model::Email;
use serde_json::json;
use std::sync::{Mutex, PoisonError};
use subtle::ConstantTimeEq as _;

/// The one-time token of the set-up page, in memory only. It is printed on the console: whoever reads that runs this
/// installation, and not whoever comes first over the network.
pub(super) struct Setup(Mutex<Option<String>>);

impl Setup {
    pub(super) fn new(needed: bool) -> Setup {
        Setup(Mutex::new(needed.then(crate::random::secret)))
    }

    fn token(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn end(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The body of the set-up page.
pub struct SetUpIn {
    /// The token from the console.
    pub token: String,
    /// The operator's address.
    pub email: String,
    /// The operator's name.
    pub name: String,
    /// The operator's password.
    pub password: String,
}

/// The link to be printed while there is no operator.
pub fn setup_link(installation: &Installation, base_url: &str) -> Option<String> {
    installation.setup.token().map(|token| format!("{base_url}/setup#token={token}"))
}

/// Makes the first operator.
///
/// # Errors
/// 403 `setup_token_invalid`; 409 `already_set_up`; 422 as for sign-up.
pub async fn set_up(installation: &Installation, input: SetUpIn, caller: &Caller) -> Result<Identity> {
    let refused = || {
        Error::new(
            Kind::Forbidden,
            "setup_token_invalid",
            "This link is not valid any more. The one that counts stands on the server's console.",
        )
    };
    let token = installation.setup.token().ok_or_else(|| {
        Error::conflict("already_set_up", "This installation has an operator. Sign in instead.")
    })?;
    let right: bool = token.as_bytes().ct_eq(input.token.as_bytes()).into();
    if !right {
        return Err(refused());
    }
    let by = By { address: caller.address.clone(), ..By::console() };
    let identity =
        add_operator(installation, &input.email, &input.name, Some(&input.password), by, true).await?;
    installation.setup.end();
    Ok(identity)
}

/// Makes an operator: of an identity that exists, or of a new one with this password. With `only_first`, nobody else may
/// be one.
///
/// # Errors
/// 422 as for sign-up; 422 `password_needed` for a new identity without one.
pub async fn add_operator(
    installation: &Installation,
    email: &str,
    name: &str,
    password: Option<&str>,
    by: By,
    only_first: bool,
) -> Result<Identity> {
    let parsed = Email::parse(email).map_err(|fault| Error::invalid(vec![fault]))?;
    let known = installation.catalog.read(move |tx| tx.find_identity_by_email(&parsed)).await?;
    let (id, new) = match (known, password) {
        // The set-up page proves no password of an existing identity, so it only makes new ones.
        (Some(known), _) if !only_first => (known.id, None),
        (Some(_), _) => {
            return Err(Error::conflict(
                "email_taken",
                "There is an account with this address. Choose another.",
            ));
        }
        (None, None) => {
            return Err(Error::new(Kind::Invalid, "password_needed", "A new account needs a password.")
                .with_fields(vec![FieldError::new("password", "required", "is needed for a new account")]));
        }
        (None, Some(password)) => {
            let new = prepare_identity(installation, email, name, password, None, Vec::new()).await?;
            (new.id, Some(new))
        }
    };
    let identity = installation
        .catalog
        .write("add_operator", move |tx| {
            if only_first && tx.has_operator()? {
                return Err(Error::conflict(
                    "already_set_up",
                    "This installation has an operator. Sign in instead.",
                ));
            }
            if let Some(new) = &new {
                tx.insert_identity(new.id, &new.email, &new.name, &new.hash)?;
            }
            tx.make_operator(id)?;
            tx.audit(&by, "operator.added", &format!("identity:{id}"), &json!({}))?;
            tx.find_identity(id)?.ok_or_else(Error::not_found)
        })
        .await?;
    installation.setup.end();
    Ok(identity)
}
