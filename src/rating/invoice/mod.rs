//! The lines of an invoice, drawn from what was used: for the invoice itself, and again by whoever checks it.

mod check;
mod lines;

pub use check::Books;

use super::{Period, Rated, Share, rate, tax};
use crate::error::{Error, Result};
use crate::model::invoice::{Basis, FORMAT, Head, Invoice, InvoiceLine, MeterUsage, Service, Span, line_id};
use crate::model::plan::{KnownMeters, Plan, Price};
use lines::{Draft, adjustment, fee, usage};

/// Draws an invoice up.
///
/// The fee and each meter's usage of the service period come first, then one line for each meter of an earlier service
/// period whose usage costs something else by now, and what is carried over from the documents of another biller; of what
/// that comes to, credit is taken, and less than nothing is left as credit to the next invoice. Tax is one line on the
/// rest.
///
/// # Errors
/// Amounts beyond what can be counted.
pub fn draw(head: Head, basis: Basis) -> Result<Invoice> {
    let mut drafts = Vec::new();
    for service in basis.services.iter().filter(|service| !service.is_trial) {
        let plan = terms(service)?;
        if !service.was_billed {
            drafts.extend(fee(service, &plan, &head.timezone)?);
        }
        for price in &plan.prices {
            let Some(used) = service.usage.iter().find(|used| used.meter == price.meter) else { continue };
            let rated = charge(service, price, used)?;
            if service.was_billed {
                drafts.extend(adjustment(service, used, &rated, &head.timezone)?);
            } else {
                drafts.extend(usage(service, price, used, &rated));
            }
        }
    }
    drafts.extend(lines::carried(&basis));
    let net = sum(&drafts)?;
    drafts.extend(lines::credit(net, basis.credit));
    let subtotal = sum(&drafts)?;
    let mut due = 0;
    if let Some(rate) = basis.tax_rate.as_ref().filter(|_| drafts.iter().any(|draft| draft.amount != 0)) {
        let percent = rate.percentage().ok_or_else(|| Error::internal("a tax rate that is no number"))?;
        due = tax(subtotal, percent);
        drafts.push(lines::tax_line(rate, due));
    }
    let total = subtotal.checked_add(due).ok_or_else(too_much)?;
    let lines = drafts.into_iter().enumerate();
    let lines = lines.map(|(position, draft)| draft.numbered(line_id(head.id, position))).collect();
    Ok(Invoice {
        format: FORMAT.to_owned(),
        id: head.id,
        number: None,
        drawn_at: head.drawn_at,
        issued_at: None,
        due_at: None,
        issuer: head.issuer,
        tenant: head.tenant,
        timezone: head.timezone,
        currency: head.currency,
        period: head.period,
        lines,
        subtotal,
        tax: due,
        total,
        basis,
    })
}

/// What the usage of a meter comes to in all of a service period, in minor units: what is booked once it is invoiced.
///
/// # Errors
/// As [`draw`].
pub fn booked(service: &Service, used: &MeterUsage) -> Result<i64> {
    let plan = terms(service)?;
    let price = plan.prices.iter().find(|price| price.meter == used.meter);
    price.filter(|_| !service.is_trial).map_or(Ok(0), |price| Ok(charge(service, price, used)?.minor))
}

fn charge(service: &Service, price: &Price, used: &MeterUsage) -> Result<Rated> {
    rate(price, used.scale, used.quantity, &share(service)).map_err(|_| too_much())
}

fn share(service: &Service) -> Share {
    let period = |span: Span| Period { from: span.from.0, to: span.to.0 };
    Share::of_part(period(service.part), period(service.whole))
}

fn terms(service: &Service) -> Result<Plan> {
    Plan::read(service.terms.clone(), "", &KnownMeters::Any).map_err(|faults| {
        Error::internal(format!("the terms of plan {} cannot be read: {faults:?}", service.plan))
    })
}

fn sum(drafts: &[Draft]) -> Result<i64> {
    let sum: i128 = drafts.iter().map(|draft| i128::from(draft.amount)).sum();
    i64::try_from(sum).map_err(|_| too_much())
}

fn too_much() -> Error {
    Error::internal(super::Overflow)
}

impl Draft {
    fn numbered(self, id: String) -> InvoiceLine {
        let (events, seqs) =
            self.proof.map_or((None, (None, None)), |proof| (Some(proof.events), proof.seqs));
        InvoiceLine {
            id,
            kind: self.kind,
            service_period: self.service_period,
            meter: self.meter,
            description: self.description,
            quantity: self.quantity,
            unit: self.unit,
            amount: self.amount,
            seq_from: seqs.0,
            seq_to: seqs.1,
            events,
            digest: self.digest,
        }
    }
}
