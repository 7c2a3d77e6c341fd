//! Looking at a code, in the transaction that takes it.

use super::codes::{Code, Label, recovery_mark, totp};
use crate::catalog::{By, CatalogTx, SecondFactor};
use crate::clock::SECOND;
use crate::error::{Error, Kind, Result};
use crate::id::IdentityId;
use serde_json::json;

/// What came of it. Not an error: what was counted stays written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::service) enum Checked {
    /// It is right, and cannot be used again.
    Right,
    /// It is wrong, old, or used.
    Wrong,
    /// Too many were wrong; milliseconds to wait.
    Wait(i64),
}

impl Checked {
    /// 429 while there is a wait, `wrong` for a wrong code.
    pub(in crate::service) fn right_or(self, wrong: impl FnOnce() -> Error) -> Result<()> {
        match self {
            Checked::Right => Ok(()),
            Checked::Wrong => Err(wrong()),
            Checked::Wait(ms) => {
                let seconds = u32::try_from((ms + SECOND - 1) / SECOND).unwrap_or(1).max(1);
                let detail = format!(
                    "Too many codes were wrong. Try again in {seconds} s; a recovery code is taken at once."
                );
                Err(Error::too_many("too_many_codes", detail, seconds))
            }
        }
    }
}

/// 403 for a wrong code of somebody who is signed in.
pub(in crate::service) fn code_wrong() -> Error {
    Error::new(
        Kind::Forbidden,
        "code_wrong",
        "The code is not right, or was used before. Wait for the next one, and look whether the clock of your device is \
         right.",
    )
}

/// Looks at a code. Every try is counted as failed before it is looked at, and one transaction follows the other: no two
/// tries share a count, and no code is taken twice. Recovery codes are too long to be guessed and know no wait, so that
/// nobody who guesses can shut the owner out.
pub(in crate::service) fn check(
    tx: &CatalogTx<'_>,
    key: &[u8; 32],
    identity: IdentityId,
    factor: &SecondFactor,
    code: &str,
    by: &By,
) -> Result<Checked> {
    let code = Code::parse(code);
    let is_recovery = matches!(code, Some(Code::Recovery(_)));
    let wait = tx.wait_of_factor(identity)?;
    if wait > 0 && !is_recovery {
        return Ok(Checked::Wait(wait));
    }
    tx.count_factor_failure(identity)?;
    let target = format!("identity:{identity}");
    let right = match &code {
        None => false,
        Some(Code::Step(plain)) => {
            let now = u64::try_from(tx.now().seconds()).unwrap_or_default();
            match totp(key, identity, &factor.seed, Label::default())?.check(plain, now) {
                None => false,
                Some(step) => tx.take_step(identity, i64::try_from(step).map_err(Error::internal)?)?,
            }
        }
        Some(Code::Recovery(plain)) => {
            let used = factor.confirmed_at.is_some()
                && tx.use_recovery_code(identity, &recovery_mark(key, identity, plain))?;
            if used {
                let left = json!({ "left": tx.count_recovery_codes(identity)? });
                tx.audit(by, "second_factor.recovery_code_used", &target, &left)?;
            }
            used
        }
    };
    if !right {
        tx.audit(by, "second_factor.failed", &target, &json!({}))?;
        return Ok(Checked::Wrong);
    }
    tx.forget_factor_failures(identity)?;
    Ok(Checked::Right)
}
