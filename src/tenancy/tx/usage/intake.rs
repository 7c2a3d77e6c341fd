//! Taking usage events, in the transaction of whatever caused them.

mod room;

use super::super::TenantTx;
use super::kept_windows::KeptWindow;
use super::outcome::{Outcome, UsageRefusal};
use super::quarter;
use super::spend::OpenSpend;
use super::sums::{Addition, Counted};
use super::terms::{TermsCache, UsageTerms};
use super::windows::OpenWindow;
use crate::catalog::Actor;
use crate::db::{DbError, ValueRef};
use crate::error::{Error, Result};
use crate::model::meter::{Meter, Meters};
use crate::model::usage::{FUTURE, NewUsageEvent, OLDEST, UsageRow};
use crate::params;
use std::sync::Arc;

/// Takes events, one after the other; [`Intake::finish`] enters what they come to.
pub struct Intake<'t> {
    tx: TenantTx<'t>,
    meters: &'t Meters,
    terms: Option<(Arc<UsageTerms>, &'t TermsCache)>,
    kept: Vec<KeptWindow>,
    actor: Actor,
    sender: Option<i64>,
    seq: i64,
    chain: Vec<u8>,
    additions: Vec<Addition>,
    windows: Vec<OpenWindow>,
    spend: Option<OpenSpend>,
    buffer: Vec<u8>,
}

const INSERT: &str = "INSERT INTO _usage_events (seq, idempotency_key, meter, quantity, cost, occurred_at, received_at, \
    dated, properties, voids, chain, sender) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) \
    ON CONFLICT (idempotency_key) DO NOTHING";

impl<'t> Intake<'t> {
    /// Begins; `terms` know what the tenant may use, where that matters, and `actor` is who sends.
    ///
    /// # Errors
    /// As the database says.
    pub fn begin(
        tx: TenantTx<'t>,
        meters: &'t Meters,
        terms: Option<&'t TermsCache>,
        actor: Actor,
    ) -> Result<Intake<'t>> {
        let (seq, chain) = tx.last_event()?;
        let terms = match terms {
            Some(cache) => cache.terms(tx, meters)?.map(|terms| (terms, cache)),
            None => None,
        };
        let kept = terms.as_ref().map(|(terms, cache)| cache.windows.take(&chain, terms.revision));
        Ok(Intake {
            tx,
            meters,
            terms,
            kept: kept.unwrap_or_default(),
            actor,
            sender: None,
            seq,
            chain,
            additions: Vec::new(),
            windows: Vec::new(),
            spend: None,
            buffer: Vec::new(),
        })
    }

    /// Takes one event, unless it came before, its time is out of bounds, or a limit has no room for it.
    ///
    /// # Errors
    /// 422 for more than can be counted; as the database says.
    pub fn take(&mut self, event: &NewUsageEvent) -> Result<Outcome> {
        let now = self.tx.now().0;
        let occurred_at = event.occurred_at.unwrap_or(now);
        let refusal = if occurred_at < now.saturating_sub(OLDEST) {
            Some(UsageRefusal::TooOld)
        } else if occurred_at > now.saturating_add(FUTURE) {
            Some(UsageRefusal::Future)
        } else {
            self.no_room(event, occurred_at)?
        };
        // What counted already is not refused for what happened since.
        if let Some(refusal) = refusal {
            let before = self.find_same(event)?;
            return Ok(before.unwrap_or(Outcome::Refused(refusal)));
        }
        let row = UsageRow(
            self.seq + 1,
            &event.key,
            &event.meter.name,
            event.quantity,
            event.cost.0,
            occurred_at,
            now,
            event.occurred_at.is_some(),
            event.properties.as_deref(),
            None,
        );
        if !self.insert(&row)? {
            let before = self.find_same(event)?;
            return before.ok_or_else(|| Error::internal("a usage event is neither new nor there"));
        }
        self.count(
            &event.meter,
            occurred_at,
            &Counted {
                seq: self.seq,
                quantity: event.quantity,
                cost: event.cost.0,
                occurred_at,
                value: event.value.as_deref(),
                events: 1,
            },
        )?;
        Ok(Outcome::Accepted(self.seq))
    }

    /// Stores a row as the next one; `false` if its key is taken.
    pub(super) fn insert(&mut self, row: &UsageRow<'_>) -> Result<bool> {
        let sender = match self.sender {
            Some(sender) => sender,
            None => *self.sender.insert(self.tx.sender_number(&self.actor.to_string())?),
        };
        let chain = row.chain(&self.chain, &mut self.buffer);
        let inserted = self.tx.tx.execute_with(
            INSERT,
            &[
                ValueRef::Integer(row.0),
                ValueRef::Text(row.1.as_bytes()),
                ValueRef::Text(row.2.as_bytes()),
                ValueRef::Integer(row.3),
                ValueRef::Integer(row.4),
                ValueRef::Integer(row.5),
                ValueRef::Integer(row.6),
                ValueRef::Integer(i64::from(row.7)),
                row.8.map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes())),
                row.9.map_or(ValueRef::Null, ValueRef::Integer),
                ValueRef::Blob(&chain),
                ValueRef::Integer(sender),
            ],
        )?;
        if inserted == 0 {
            return Ok(false);
        }
        self.seq = row.0;
        self.chain.clear();
        self.chain.extend_from_slice(&chain);
        Ok(true)
    }

    /// The number that the next row gets.
    pub(super) fn next_seq(&self) -> i64 {
        self.seq + 1
    }

    /// Adds an event that was stored to what its quarter comes to, and to its windows.
    pub(super) fn count(&mut self, meter: &Arc<Meter>, occurred_at: i64, event: &Counted<'_>) -> Result<()> {
        let starts_at = quarter(occurred_at);
        let found = self
            .additions
            .iter()
            .position(|addition| addition.starts_at == starts_at && addition.meter.name == meter.name);
        let index = found.unwrap_or_else(|| {
            self.additions.push(Addition::new(meter, starts_at));
            self.additions.len() - 1
        });
        self.additions[index].add(event).ok_or_else(beyond_counting)?;
        if let Some(window) = self.windows.iter_mut().find(|window| window.tally.has(meter, occurred_at)) {
            let quantity = self.tx.with_event(&window.tally, event)?;
            window.tally.take(event, quantity);
        }
        Ok(())
    }

    /// Looks whether an event of that key is there, and the same.
    fn find_same(&self, event: &NewUsageEvent) -> Result<Option<Outcome>> {
        let Some(kept) = self.tx.find_event_by_key(&event.key)? else { return Ok(None) };
        let is_same_time = match event.occurred_at {
            Some(occurred_at) => kept.dated && kept.occurred_at == occurred_at,
            None => !kept.dated,
        };
        let is_same = kept.meter == event.meter.name
            && kept.quantity == event.quantity
            && kept.cost == event.cost.0
            && is_same_time
            && kept.properties == event.properties;
        Ok(Some(if is_same {
            Outcome::Duplicate(kept.seq)
        } else {
            Outcome::Refused(UsageRefusal::KeyReused)
        }))
    }
}

/// 422: the sum does not fit.
pub(super) fn beyond_counting() -> Error {
    Error::invalid_field("quantity", "bad_quantity", "adds up to more than can be counted within an hour")
}

impl TenantTx<'_> {
    /// The number by which events remember who sent them.
    fn sender_number(self, sender: &str) -> Result<i64, DbError> {
        const FIND: &str = "SELECT id FROM _usage_senders WHERE sender = ?1";
        if let Some(known) = self.tx.query_row(FIND, params![sender], |row| row.get(0))? {
            return Ok(known);
        }
        self.tx.execute("INSERT INTO _usage_senders (sender) VALUES (?1)", params![sender])?;
        self.tx.count(FIND, params![sender])
    }

    /// The number and the chain of the last event.
    pub(in crate::tenancy::tx) fn last_event(self) -> Result<(i64, Vec<u8>), DbError> {
        let last = self.tx.query_row(
            "SELECT seq, chain FROM _usage_events ORDER BY seq DESC LIMIT 1",
            params![],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(last.unwrap_or_default())
    }
}
