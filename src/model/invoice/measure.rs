//! What usage events come to, measured from the events alone: to hold invoices against it.

use super::{Invoice, MeterUsage, Span};
use crate::model::hex::hex;
use crate::model::meter::Aggregation;
use crate::model::usage::UsageEvent;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeSet, HashSet};

/// One meter in one service period, up to one event: what the invoice says of it, and what was seen.
#[derive(Debug)]
pub struct Measure {
    said: MeterUsage,
    aggregation: Aggregation,
    part: Span,
    watermark: i64,
    /// Which line of which invoice.
    place: String,
    hash: Sha256,
    buffer: Vec<u8>,
    events: i64,
    first: Option<i64>,
    last: Option<i64>,
    quantity: i128,
    latest_at: i64,
    values: BTreeSet<String>,
}

impl Measure {
    /// All that an invoice says of usage events. What Tenantry counted itself has none.
    pub fn all_of(invoice: &Invoice) -> Vec<Measure> {
        let name = invoice.number.clone().unwrap_or_else(|| invoice.id.to_string());
        let each = invoice.basis.services.iter().flat_map(|service| {
            service.usage.iter().filter(|used| !used.is_built_in).map(move |used| (service, used))
        });
        each.map(|(service, used)| {
            let is_line = |line: &super::InvoiceLine| {
                line.service_period == Some(service.number) && line.meter.as_deref() == Some(&used.meter)
            };
            let line = invoice.lines.iter().position(is_line);
            let line = line.map_or_else(String::new, |line| format!(" line {}", line + 1));
            Measure {
                said: used.clone(),
                aggregation: Aggregation::parse(&used.aggregation).unwrap_or_default(),
                part: service.part,
                watermark: invoice.basis.watermark,
                place: format!("{name}{line} ({})", used.meter),
                hash: Sha256::new(),
                buffer: Vec::new(),
                events: 0,
                first: None,
                last: None,
                quantity: 0,
                latest_at: i64::MIN,
                values: BTreeSet::new(),
            }
        })
        .collect()
    }

    /// The meter.
    pub fn meter(&self) -> &str {
        &self.said.meter
    }

    /// Looks at the next event, in the order of their numbers. `voids` are the events that others take back, with the
    /// number of the one that does.
    pub fn take(&mut self, event: &UsageEvent, voids: &HashSet<(i64, i64)>, voided_by: Option<i64>) {
        let within = event.occurred_at >= self.part.from.0 && event.occurred_at < self.part.to.0;
        if event.seq > self.watermark || event.meter != self.said.meter || !within {
            return;
        }
        event.row().digest_into(&mut self.hash, &mut self.buffer);
        self.first.get_or_insert(event.seq);
        self.last = Some(event.seq);
        self.events += 1;
        let is_voided = voided_by.is_some_and(|by| by <= self.watermark && voids.contains(&(event.seq, by)));
        let quantity = i128::from(event.quantity);
        match self.aggregation {
            // What takes an event back has the opposite quantity.
            Aggregation::Sum | Aggregation::Count => self.quantity += quantity,
            _ if event.voids.is_some() || is_voided => {}
            Aggregation::Max => self.quantity = self.quantity.max(quantity),
            Aggregation::Latest => {
                if event.occurred_at >= self.latest_at {
                    (self.quantity, self.latest_at) = (quantity, event.occurred_at);
                }
            }
            Aggregation::Unique => drop(self.value(event).map(|value| self.values.insert(value))),
        }
    }

    /// The value of the property that counts, as text.
    fn value(&self, event: &UsageEvent) -> Option<String> {
        let properties: serde_json::Value = serde_json::from_str(event.properties.as_deref()?).ok()?;
        match properties.get(self.said.property.as_deref()?)? {
            serde_json::Value::String(text) => Some(text.clone()),
            value => Some(value.to_string()),
        }
    }

    /// What the invoice says that is not so, after all events.
    pub fn fault(self) -> Option<String> {
        let quantity = match self.aggregation {
            Aggregation::Unique => self.values.len() as i128,
            _ => self.quantity,
        };
        let said = &self.said;
        let place = &self.place;
        if i128::from(said.quantity) != quantity {
            let said = said.quantity;
            return Some(format!("{place}: it says that {said} were used, the events come to {quantity}"));
        }
        let number = |seq: Option<i64>| seq.map_or_else(|| "none".to_owned(), |seq| seq.to_string());
        if (said.events, said.seq_from, said.seq_to) != (self.events, self.first, self.last) {
            return Some(format!(
                "{place}: it says {} events from {} to {}, there are {} from {} to {}",
                said.events,
                number(said.seq_from),
                number(said.seq_to),
                self.events,
                number(self.first),
                number(self.last)
            ));
        }
        let digest = hex(&self.hash.finalize());
        (said.digest != digest).then(|| {
            format!("{place}: the events are not those that were invoiced: their digest is {digest}")
        })
    }
}
