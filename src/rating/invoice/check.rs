//! Checking invoices: each is drawn again, and what it says of earlier ones is held against them.

use super::{booked, draw};
use crate::error::Result;
use crate::model::invoice::{Credit, Head, Invoice, MeterUsage, Service};
use std::collections::HashMap;

/// What the invoices of a tenant have said so far, in the order in which they were drawn up.
#[derive(Debug, Default)]
pub struct Books {
    /// What each meter came to in each service period.
    booked: HashMap<(i64, String), i64>,
    /// Credit, by currency.
    credit: HashMap<String, Credit>,
}

impl Books {
    /// Takes the next invoice in, and says what is wrong with it: the first line that differs. `by_stripe` where Stripe
    /// sent it.
    ///
    /// # Errors
    /// An invoice whose terms or amounts nobody can read.
    pub fn take(&mut self, invoice: &Invoice, by_stripe: bool) -> Result<Option<String>> {
        if let Some(fault) = redrawn(invoice)? {
            return Ok(Some(fault));
        }
        if invoice.basis.by_stripe && !by_stripe {
            return Ok(Some("it says that Stripe sent it, and it was sent here".to_owned()));
        }
        let credit = self.credit.entry(invoice.currency.clone()).or_default();
        let (said, due) = (&invoice.basis, credit.terms(by_stripe));
        for (what, said, due) in [
            ("credit", said.credit, due.available),
            ("credit that is carried over", said.carried, due.carried),
            ("credit that is taken back", said.taken_back, due.taken_back),
        ] {
            if said != due {
                return Ok(Some(format!(
                    "{what}: it says that there was {}, earlier invoices left {}",
                    invoice.write(said),
                    invoice.write(due)
                )));
            }
        }
        *credit = credit.after(invoice, by_stripe);
        for service in &invoice.basis.services {
            for used in &service.usage {
                if let Some(fault) = self.book(invoice, service, used)? {
                    return Ok(Some(fault));
                }
            }
        }
        Ok(None)
    }

    /// Gives back the credit that an invoice took: it is void.
    pub fn give_back(&mut self, invoice: &Invoice, by_stripe: bool) {
        let credit = self.credit.entry(invoice.currency.clone()).or_default();
        *credit = credit.without(invoice, by_stripe);
    }

    fn book(&mut self, invoice: &Invoice, service: &Service, used: &MeterUsage) -> Result<Option<String>> {
        let key = (service.number, used.meter.clone());
        let before = self.booked.get(&key).copied().unwrap_or_default();
        if before != used.booked {
            return Ok(Some(format!(
                "{} in service period {}: it says that {} was invoiced before, earlier invoices say {}",
                used.meter,
                service.number,
                invoice.write(used.booked),
                invoice.write(before)
            )));
        }
        self.booked.insert(key, booked(service, used)?);
        Ok(None)
    }
}

/// The first line that would come out otherwise.
fn redrawn(invoice: &Invoice) -> Result<Option<String>> {
    let head = Head {
        id: invoice.id,
        drawn_at: invoice.drawn_at,
        issuer: invoice.issuer.clone(),
        tenant: invoice.tenant.clone(),
        timezone: invoice.timezone.clone(),
        currency: invoice.currency.clone(),
        period: invoice.period,
    };
    let again = draw(head, invoice.basis.clone())?;
    let longest = invoice.lines.len().max(again.lines.len());
    for position in 0..longest {
        let (said, due) = (invoice.lines.get(position), again.lines.get(position));
        if said == due {
            continue;
        }
        let told = |line: Option<&crate::model::invoice::InvoiceLine>| {
            line.map_or_else(
                || "nothing".to_owned(),
                |line| format!("{} x {} = {}", line.quantity, line.description, invoice.write(line.amount)),
            )
        };
        return Ok(Some(format!("line {}: it says {}, it is {}", position + 1, told(said), told(due))));
    }
    let sums = |of: &Invoice| [("subtotal", of.subtotal), ("tax", of.tax), ("total", of.total)];
    let differs = sums(invoice).into_iter().zip(sums(&again)).find(|(said, due)| said != due);
    Ok(differs.map(|((name, said), (_, due))| {
        format!("{name}: it says {}, it is {}", invoice.write(said), invoice.write(due))
    }))
}
