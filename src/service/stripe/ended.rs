//! What an operator says of an invoice here, where Stripe's is the invoice and ours the statement to it.

use crate::catalog::{AtStripe, OfTenant};
use crate::error::{Error, Result};
use crate::id::InvoiceId;

/// Refuses what Stripe would not hear of: its document is the invoice, and ours becomes what that becomes.
///
/// # Errors
/// 409 `billed_by_stripe` for a statement that is at Stripe, or on its way there.
pub(in crate::service) fn refuse_where_stripe_bills(
    of: &OfTenant<'_>,
    id: InvoiceId,
    with_stripe: bool,
) -> Result<()> {
    if !with_stripe {
        return Ok(());
    }
    let detail = match of.statement_at_stripe(id)? {
        AtStripe::No => return Ok(()),
        AtStripe::On(there) => format!(
            "Stripe's {there} is the invoice and this the statement to it. Void it, mark it as paid or uncollectible, or \
             give credit there: this one follows by itself."
        ),
        AtStripe::OnItsWay => "Stripe bills this, and something of it is there already or on its way. See \
             GET /operator/stripe-statements; once all of it is there, act on Stripe's invoice: this one follows by itself."
            .to_owned(),
    };
    Err(Error::conflict("billed_by_stripe", detail))
}
