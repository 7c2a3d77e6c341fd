//! The end of an account.

use super::Installation;
use super::passwords::{require_password, wrong};
use super::second_factor::{self, Checked};
use crate::catalog::{By, Principal};
use crate::error::{Error, Result};
use crate::model::letter::{Content, Recipient};
use serde_json::json;

/// Deletes the account of whoever is signed in: sessions, memberships and the identity itself go. What it wrote stays with
/// its tenants, under an id that names nobody any more. Who has a second factor sends a code of it too.
///
/// # Errors
/// 403 `password_wrong`, `code_required`, `code_wrong`; 409 `sole_owner` with the slugs, or `last_operator`; 429.
pub async fn delete_account(
    installation: &Installation,
    principal: &Principal,
    password: String,
    code: Option<String>,
    by: By,
) -> Result<()> {
    second_factor::require_sent(principal, code.as_deref())?;
    let proven = require_password(installation, principal, password, &by.address).await?;
    let (id, email) = (principal.id(), principal.identity().email.clone());
    let (key, address, sends_code) = (installation.keys.factors, by.address.clone(), code.is_some());
    if sends_code {
        installation.throttle.before_code(&address)?;
    }
    let checked = installation
        .catalog
        .write("delete_account", move |tx| {
            if tx.find_password_hash(id)?.as_ref() != Some(&proven) {
                return Err(wrong());
            }
            let checked = second_factor::check_too(tx, &key, id, code.as_deref(), &by)?;
            if checked != Checked::Right {
                return Ok(checked);
            }
            let alone = tx.list_tenants_owned_alone(id)?;
            if !alone.is_empty() {
                return Err(sole_owner(&alone));
            }
            if tx.is_last_operator(id)? {
                return Err(Error::conflict(
                    "last_operator",
                    "You are the only operator of this installation. Make another one first.",
                ));
            }
            let target = format!("identity:{id}");
            for (tenant, role) in tx.list_roles_of(id)? {
                let of = tx.of(tenant);
                let ended = of.delete_membership(id)?;
                let left = of.list_keys_made_for_others_by(id)?;
                let details =
                    json!({ "role": role, "account_deleted": true, "keys_ended": ended, "keys_left": left });
                of.audit(&by, "member.left", &target, &details)?;
            }
            tx.delete_past_invitations(&email)?;
            tx.delete_sign_ups(&email)?;
            tx.delete_identity(id)?;
            tx.audit(&by, "identity.deleted", &target, &json!({}))?;
            let to = Recipient::Address(email.as_str().to_owned());
            tx.post(&format!("account_deleted {id}"), &to, &Content::AccountDeleted {})?;
            Ok(checked)
        })
        .await?;
    checked.right_or(second_factor::code_wrong)?;
    if sends_code {
        installation.throttle.code_was_right(&address);
    }
    Ok(())
}

fn sole_owner(slugs: &[String]) -> Error {
    Error::conflict(
        "sole_owner",
        format!(
            "You are the only owner of {}. Hand each over to another member, or close it and wait for its erasure.",
            slugs.join(", ")
        ),
    )
}
