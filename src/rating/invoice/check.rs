//! Checking invoices: each is drawn again, and what it says of earlier ones is held against them.

use super::{booked, draw};
use crate::error::Result;
use crate::model::invoice::{Head, Invoice, MeterUsage, Service};
use std::collections::HashMap;

/// What the invoices of a tenant have said so far, in the order in which they were drawn up.
#[derive(Debug, Default)]
pub struct Books {
    /// What each meter came to in each service period.
    booked: HashMap<(i64, String), i64>,
    /// Credit, by currency.
    credit: HashMap<String, i64>,
}

impl Books {
    /// Takes the next invoice in, and says what is wrong with it: the first line that differs.
    ///
    /// # Errors
    /// An invoice whose terms or amounts nobody can read.
    pub fn take(&mut self, invoice: &Invoice) -> Result<Option<String>> {
        if let Some(fault) = redrawn(invoice)? {
            return Ok(Some(fault));
        }
        let available = self.credit.entry(invoice.currency.clone()).or_default();
        if *available != invoice.basis.credit {
            return Ok(Some(format!(
                "credit: it says that there was {}, earlier invoices left {}",
                invoice.write(invoice.basis.credit),
                invoice.write(*available)
            )));
        }
        *available += invoice.credit_left() - invoice.credit_taken();
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
    pub fn give_back(&mut self, invoice: &Invoice) {
        *self.credit.entry(invoice.currency.clone()).or_default() += invoice.credit_taken();
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
