//! What happens in the catalog on its way to the endpoints of tenants, which are in their files.

use super::{CatalogTx, OfTenant};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::TenantId;
use crate::model::webhook::EventType;
use crate::params;
use serde_json::{Map, Value, json};

/// Something that is to be told to the endpoints of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookEvent {
    /// Its place among all.
    pub seq: i64,
    /// Tells it from all others of the tenant.
    pub key: String,
    /// Its type.
    pub kind: EventType,
    /// When it happened.
    pub at: Timestamp,
    /// What is told beside the tenant's id.
    pub data: Value,
}

/// An act of the log that is told: its name, the type, how its target is called there, and which of its details are told
/// along, each with the name that it has there.
type Told = (&'static str, EventType, &'static str, &'static [(&'static str, &'static str)]);

const INVOICE: &[(&str, &str)] = &[
    ("number", "number"),
    ("total_cents", "total_cents"),
    ("due_cents", "due_cents"),
    ("currency", "currency"),
    ("period", "period"),
];
const ROLE: &[(&str, &str)] = &[("role", "role")];

const ACTS: &[Told] = &[
    ("member.joined", EventType::MemberAdded, "identity_id", ROLE),
    ("service_identity.created", EventType::MemberAdded, "identity_id", ROLE),
    ("member.removed", EventType::MemberRemoved, "identity_id", ROLE),
    ("member.left", EventType::MemberRemoved, "identity_id", ROLE),
    ("invoice.finalized", EventType::InvoiceFinalized, "invoice_id", INVOICE),
    ("invoice.paid", EventType::InvoicePaid, "invoice_id", INVOICE),
    ("subscription.changed", EventType::SubscriptionChanged, "plan", &[("from", "from"), ("to", "to")]),
    (
        "subscription.status_changed",
        EventType::SubscriptionChanged,
        "plan",
        &[("from", "status_before"), ("to", "status")],
    ),
    ("tenant.closed", EventType::TenantClosing, "", &[("erase_after", "erase_after")]),
];

impl OfTenant<'_> {
    /// Notes that the tenant may have endpoints from now on.
    ///
    /// # Errors
    /// As the database says.
    pub fn expect_webhooks(&self) -> Result<()> {
        self.tx().execute(
            "INSERT INTO webhook_tenants (tenant_id, since) VALUES (?1, ?2) ON CONFLICT (tenant_id) DO NOTHING",
            params![self.tenant, self.now()],
        )?;
        Ok(())
    }

    /// Puts an event on its way, in the transaction that it tells of; of a tenant without endpoints nothing is written.
    ///
    /// # Errors
    /// As the database says.
    pub fn tell_webhooks(&self, kind: EventType, key: &str, data: &Value) -> Result<()> {
        self.tx().execute(
            "INSERT INTO webhook_events (tenant_id, key, type, at, data)
             SELECT tenant_id, ?2, ?3, ?4, ?5 FROM webhook_tenants WHERE tenant_id = ?1
             ON CONFLICT (tenant_id, key) DO NOTHING",
            params![self.tenant, key, kind.name(), self.now(), data.to_string()],
        )?;
        Ok(())
    }

    /// The same of an entry of the log, if it is one that is told. `hash` is the entry's.
    pub(super) fn tell_webhooks_of_act(
        self,
        hash: &str,
        action: &str,
        target: &str,
        details: &Value,
    ) -> Result<()> {
        let Some((_, kind, name, told)) = ACTS.iter().find(|(act, ..)| *act == action) else { return Ok(()) };
        let mut data = Map::new();
        if let Some((_, id)) = target.split_once(':') {
            data.insert((*name).to_owned(), json!(id));
        }
        for (field, called) in *told {
            if let Some(value) = details.get(*field) {
                data.insert((*called).to_owned(), value.clone());
            }
        }
        self.tell_webhooks(*kind, &format!("audit:{hash}"), &Value::Object(data))
    }

    /// Events of the tenant that are on their way, in their order.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_webhook_events(&self, limit: u32) -> Result<Vec<WebhookEvent>> {
        let rows = self.tx().query(
            "SELECT seq, key, type, at, data FROM webhook_events WHERE tenant_id = ?1 ORDER BY seq LIMIT ?2",
            params![self.tenant, limit],
            |row| {
                let (kind, data): (String, String) = (row.get(2)?, row.get(4)?);
                Ok((row.get::<i64>(0)?, row.get::<String>(1)?, kind, row.get::<Timestamp>(3)?, data))
            },
        )?;
        let read = rows.into_iter().map(|(seq, key, kind, at, data)| {
            // Nobody writes another one.
            let kind = EventType::parse(&kind).unwrap_or(EventType::Test);
            Ok(WebhookEvent { seq, key, kind, at, data: serde_json::from_str(&data)? })
        });
        read.collect()
    }

    /// Removes those that have arrived.
    ///
    /// # Errors
    /// As the database says.
    pub fn delete_webhook_events(&self, up_to: i64) -> Result<()> {
        self.tx().execute(
            "DELETE FROM webhook_events WHERE tenant_id = ?1 AND seq <= ?2",
            params![self.tenant, up_to],
        )?;
        Ok(())
    }
}

impl CatalogTx<'_> {
    /// Tenants with events on their way, whose files can be written.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_tenants_with_webhook_events(&self, limit: u32) -> Result<Vec<TenantId>> {
        Ok(self.tx.query(
            "SELECT DISTINCT e.tenant_id FROM webhook_events e JOIN tenants t ON t.id = e.tenant_id
             WHERE t.status IN ('active', 'suspended', 'closing') LIMIT ?1",
            params![limit],
            |row| row.get(0),
        )?)
    }
}
