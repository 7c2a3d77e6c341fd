//! What is to be sent to an endpoint now.

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{TenantId, WebhookEndpointId};
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
}

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
    pub fn take_waiting_deliveries(
        &self,
        asked: &Asked,
        table: &dyn Fn(&ReadsAs, &str) -> Option<Arc<Table>>,
    ) -> Result<Option<Waiting>> {
        let listening = self.tx.query_row(
            "SELECT url, events, reads_as, reads_records, seen, failing_since FROM _webhook_endpoints
             WHERE id = ?1 AND status = 'enabled'",
            params![asked.endpoint],
            |row| {
                Ok(Listening {
                    url: row.get(0)?,
                    events: row.get(1)?,
                    reads_as: ReadsAs { role: row.get(2)?, reads_records: row.get(3)? },
                    seen: row.get(4)?,
                    is_failing: row.get::<Option<Timestamp>>(5)?.is_some(),
                })
            },
        )?;
        let Some(listening) = listening else { return Ok(None) };
        if asked.sweeps {
            self.sweep_webhook_deliveries(asked.endpoint)?;
        }
        self.hear_changes(asked, &listening, table)?;
        let due = self.tx.query(
            "SELECT id, event_id, body FROM _webhook_deliveries WHERE endpoint_id = ?1 AND status = 'pending' AND next_at <= ?2
             ORDER BY next_at, number LIMIT ?3",
            params![asked.endpoint, self.now(), asked.most],
            |row| Ok(DueDelivery { id: row.get(0)?, event_id: row.get(1)?, body: row.get(2)? }),
        )?;
        let keys = self.webhook_keys(asked.endpoint)?;
        Ok(Some(Waiting { url: listening.url, keys, is_failing: listening.is_failing, due }))
    }

    fn hear_changes(
        self,
        asked: &Asked,
        listening: &Listening,
        table: &dyn Fn(&ReadsAs, &str) -> Option<Arc<Table>>,
    ) -> Result<()> {
        let kinds: Vec<EventType> = listening.events.split(' ').filter_map(EventType::parse).collect();
        if !kinds.iter().any(|kind| kind.is_of_records()) || self.pending_of(asked.endpoint)? >= MOST_PENDING
        {
            return Ok(());
        }
        let (mut seen, mut missed, mut bytes) = (listening.seen, 0, 0);
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
            if kinds.contains(&kind)
                && let Some(table) = table(&listening.reads_as, &name)
            {
                let event = Event::of_change(asked.tenant, seq, kind, at, &tell(&table)?);
                bytes += event.body.len();
                events.push(event);
            }
            Ok(bytes < BYTES_AT_ONCE)
        })?;
        for event in &events {
            self.insert_delivery(asked.endpoint, event)?;
        }
        if seen > listening.seen {
            self.tx.execute(
                "UPDATE _webhook_endpoints SET seen = ?2, missed = missed + ?3 WHERE id = ?1",
                params![asked.endpoint, seen, missed],
            )?;
        }
        Ok(())
    }
}
