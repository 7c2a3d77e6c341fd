//! Sign-ins that failed, in the log: for whoever runs the installation, and for programs that shut networks out.
//!
//! They are not in the audit log: whoever is not signed in must not be able to make that grow. A wrong code of a second
//! factor is, since the password before it was right.

use super::Installation;
use crate::id::IdentityId;
use crate::model::hex::hex;
use crate::model::mac;

/// Why a sign-in failed. What stands in the log does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// There is no account with this address.
    UnknownAddress,
    /// The password is wrong.
    WrongPassword,
    /// The password is right, and the account may not sign in.
    AccountDisabled,
    /// The password is right, and nobody has confirmed the address yet.
    AddressUnconfirmed,
    /// Too many tries: the password was not looked at.
    TooManyTries,
    /// The code of the second factor is wrong, or was used.
    WrongCode,
    /// Too many wrong codes: it was not looked at.
    TooManyCodes,
    /// The token of the first step is not ours, or too old.
    StepOver,
}

impl Why {
    const fn name(self) -> &'static str {
        match self {
            Why::UnknownAddress => "unknown_address",
            Why::WrongPassword => "wrong_password",
            Why::AccountDisabled => "account_disabled",
            Why::AddressUnconfirmed => "address_unconfirmed",
            Why::TooManyTries => "too_many_tries",
            Why::WrongCode => "wrong_code",
            Why::TooManyCodes => "too_many_codes",
            Why::StepOver => "step_over",
        }
    }
}

/// Who somebody said to be, as far as that is known.
#[derive(Clone, Copy, Default)]
pub(super) struct Claimed<'a> {
    /// The identity, where there is one.
    pub(super) identity: Option<IdentityId>,
    /// The e-mail address that was given.
    pub(super) email: Option<&'a str>,
}

impl Claimed<'_> {
    /// Somebody of whom only the identity matters.
    pub(super) fn identity(id: IdentityId) -> Claimed<'static> {
        Claimed { identity: Some(id), email: None }
    }
}

/// Tells the log; of what was not even looked at only a few lines a minute. Of the e-mail address there is only a digest,
/// made with a key of this installation: it says which failures belong together, and not to whom.
pub(super) fn note_failure(installation: &Installation, why: Why, claimed: Claimed<'_>, network: &str) {
    let was_looked_at = !matches!(why, Why::TooManyTries | Why::TooManyCodes | Why::StepOver);
    if !was_looked_at && !installation.throttle.may_tell(network) {
        return;
    }
    let digest = claimed.email.map(|email| hex(&mac::mark(&installation.keys.log, &[email.as_bytes()])));
    let identity = claimed.identity.map(tracing::field::display);
    tracing::info!(reason = why.name(), address = network, identity, email_digest = digest, "sign-in failed");
}
