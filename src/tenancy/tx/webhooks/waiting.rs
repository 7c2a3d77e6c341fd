//! What is to be sent to an endpoint now.

use super::endpoints::{READS_AS, reads_as};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{DeliveryId, EventId, TenantId, WebhookEndpointId};
use crate::model::table::Table;
use crate::model::webhook::{DueDelivery, Event, EventType, MOST_BODY, MOST_PENDING, ReadsAs, SigningKey};
use crate::params;
use crate::tenancy::tx::TenantTx;
use crate::tenancy::tx::changes::{HeardChange, Op};
use std::sync::Arc;

/// Changes that are looked at in one go.
const CHANGES_AT_ONCE: i64 = 500;
/// Bytes of deliveries after which no further change is looked at in one go.
const BYTES_AT_ONCE: usize = 1 << 20;
/// Bytes that type, time and tenant take beside a change.
const AROUND: usize = 256;

/// For which endpoint is asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Of which tenant.
    pub tenant: TenantId,
    /// Which one.
    pub endpoint: WebhookEndpointId,
    /// At most so many deliveries.
    pub most: u32,
    /// Whether what was kept long enough is removed.
    pub sweeps: bool,
    /// For whom the endpoint acted as that was looked at.
    pub maker: String,
    /// What those may do now; nothing where they are gone.
    pub present: Option<ReadsAs>,
}

/// The table of that name, where it may be told of.
pub type TableFor<'t> = &'t dyn Fn(&ReadsAs, &str) -> Option<Arc<Table>>;

/// What there is to be sent.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Whereto.
    pub url: String,
    /// The keys to sign with, the newest first.
    pub keys: Vec<SigningKey>,
    /// Whether the last attempt failed.
    pub is_failing: bool,
    /// What.
    pub due: Vec<DueDelivery>,
}

struct Listening {
    url: String,
    events: String,
    reads_as: ReadsAs,
    seen: i64,
    is_failing: bool,
}

impl TenantTx<'_> {
    /// Looks at the changes that came since for an endpoint, and tells what is due for it; nothing where it is gone or
    /// disabled. `table` names the tables that it may be told of.
    ///
    /// # Errors
    /// As the database says.
    pub fn take_waiting_deliveries(&self, asked: &Asked, table: TableFor<'_>) -> Result<Option<Waiting>> {
        let sql = format!(
            "SELECT url, events, seen, failing_since, {READS_AS} FROM _webhook_endpoints
             WHERE id = ?1 AND status = 'enabled'"
        );
        let listening = self.tx.query_row(&sql, params![asked.endpoint], |row| {
            Ok(Listening {
                url: row.get(0)?,
                events: row.get(1)?,
                seen: row.get(2)?,
                is_failing: row.get::<Option<Timestamp>>(3)?.is_some(),
                reads_as: reads_as(row, 4)?,
            })
        })?;
        let Some(listening) = listening else { return Ok(None) };
        let (url, is_failing) = (listening.url.clone(), listening.is_failing);
        if listening.reads_as.maker != asked.maker {
            // It was changed a moment ago: whoever asks does so again.
            return Ok(Some(Waiting { url, keys: Vec::new(), is_failing, due: Vec::new() }));
        }
        let Some(present) = &asked.present else {
            self.disable_webhook_endpoint(asked.endpoint, "maker_gone", true)?;
            return Ok(None);
        };
        if asked.sweeps {
            self.sweep_webhook_deliveries(asked.endpoint)?;
        }
        self.hear_changes(asked, &listening, present, table)?;
        let due = self.take_due(asked, [&listening.reads_as, present], table)?;
        let keys = self.webhook_keys(asked.endpoint)?;
        Ok(Some(Waiting { url, keys, is_failing, due }))
    }

    /// What is due, and may be told of still by those whom the endpoint acts for; whatever else is due ends.
    fn take_due(
        self,
        asked: &Asked,
        knowing: [&ReadsAs; 2],
        table: TableFor<'_>,
    ) -> Result<Vec<DueDelivery>> {
        loop {
            let found = self.tx.query(
                "SELECT number, type, table_name, id, event_id, body FROM _webhook_deliveries
                 WHERE endpoint_id = ?1 AND status = 'pending' AND next_at <= ?2 ORDER BY next_at, number LIMIT ?3",
                params![asked.endpoint, self.now(), asked.most],
                |row| {
                    let of: (i64, String, Option<String>) = (row.get(0)?, row.get(1)?, row.get(2)?);
                    let (id, event_id): (DeliveryId, EventId) = (row.get(3)?, row.get(4)?);
                    Ok((of, DueDelivery { id, event_id, body: row.get(5)? }))
                },
            )?;
            let (most, mut due) = (found.len(), Vec::with_capacity(found.len()));
            for ((number, kind, of_table), delivery) in found {
                let knows = |one: &ReadsAs| match (EventType::parse(&kind), &of_table) {
                    (Some(kind), Some(name)) if kind.is_of_records() => table(one, name).is_some(),
                    (Some(kind), _) => !kind.is_of_records() && one.knows_of(kind),
                    (None, _) => false,
                };
                if knowing.into_iter().all(knows) {
                    due.push(delivery);
                } else {
                    self.tx.execute(
                        "UPDATE _webhook_deliveries SET status = 'withheld', next_at = NULL, ended_at = ?2 WHERE number = ?1",
                        params![number, self.now()],
                    )?;
                }
            }
            let withheld = most - due.len();
            self.note_withheld(asked.endpoint, withheld)?;
            if withheld == 0 || !due.is_empty() {
                return Ok(due);
            }
        }
    }

    fn note_withheld(self, endpoint: WebhookEndpointId, count: usize) -> Result<()> {
        if count > 0 {
            self.tx.execute(
                "UPDATE _webhook_endpoints SET withheld = withheld + ?2 WHERE id = ?1",
                params![endpoint, i64::try_from(count).unwrap_or(i64::MAX)],
            )?;
        }
        Ok(())
    }

    fn hear_changes(
        self,
        asked: &Asked,
        listening: &Listening,
        present: &ReadsAs,
        table: TableFor<'_>,
    ) -> Result<()> {
        let kinds: Vec<EventType> = listening.events.split(' ').filter_map(EventType::parse).collect();
        if !kinds.iter().any(|kind| kind.is_of_records()) || self.pending_of(asked.endpoint)? >= MOST_PENDING
        {
            return Ok(());
        }
        let (mut seen, mut missed, mut bytes, mut withheld) = (listening.seen, 0, 0, 0);
        let mut events = Vec::new();
        self.each_change_after(listening.seen, CHANGES_AT_ONCE, MOST_BODY - AROUND, |change| {
            let HeardChange { seq, at, op, table: name, tell } = change;
            // Those in between are no longer kept.
            missed += seq - seen - 1;
            seen = seq;
            let kind = match op {
                Some(Op::Create) => EventType::RecordCreated,
                Some(Op::Update) => EventType::RecordUpdated,
                Some(Op::Delete) => EventType::RecordDeleted,
                None => return Ok(true),
            };
            if kinds.contains(&kind) && table(&listening.reads_as, &name).is_some() {
                match table(present, &name) {
                    Some(table) => {
                        let event = Event::of_change(asked.tenant, seq, kind, at, &tell(&table)?);
                        bytes += event.body.len();
                        events.push((event, name));
                    }
                    None => withheld += 1,
                }
            }
            Ok(bytes < BYTES_AT_ONCE)
        })?;
        for (event, table) in &events {
            self.insert_delivery(asked.endpoint, event, Some(table))?;
        }
        self.note_withheld(asked.endpoint, withheld)?;
        if seen > listening.seen {
            self.tx.execute(
                "UPDATE _webhook_endpoints SET seen = ?2, missed = missed + ?3 WHERE id = ?1",
                params![asked.endpoint, seen, missed],
            )?;
        }
        Ok(())
    }
}
