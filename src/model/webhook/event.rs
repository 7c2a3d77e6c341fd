//! What tenants are told of.

use crate::clock::Timestamp;
use crate::id::{EventId, TenantId};
use crate::policy::Permission;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

macro_rules! event_types {
    ($($(#[$doc:meta])* $name:ident = $text:literal),* $(,)?) => {
        /// What a tenant is told of.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum EventType { $($(#[$doc])* $name),* }

        impl EventType {
            const ALL: &'static [EventType] = &[$(EventType::$name),*];

            /// Its name in messages and in the API.
            pub const fn name(self) -> &'static str {
                match self { $(EventType::$name => $text),* }
            }
        }
    };
}

event_types! {
    /// A record is new.
    RecordCreated = "record.created",
    /// A record is another than before.
    RecordUpdated = "record.updated",
    /// A record is gone.
    RecordDeleted = "record.deleted",
    /// Somebody is a member now.
    MemberAdded = "member.added",
    /// Somebody is none any more.
    MemberRemoved = "member.removed",
    /// Of a limit or the spend cap a good part is used.
    UsageThresholdReached = "usage.threshold_reached",
    /// A limit is used up.
    UsageLimitReached = "usage.limit_reached",
    /// The spend cap is used up.
    SpendCapReached = "spend_cap.reached",
    /// An invoice was issued.
    InvoiceFinalized = "invoice.finalized",
    /// An invoice was paid.
    InvoicePaid = "invoice.paid",
    /// The plan, or how the subscription stands.
    SubscriptionChanged = "subscription.changed",
    /// An export can be downloaded.
    ExportReady = "export.ready",
    /// The tenant asked to leave.
    TenantClosing = "tenant.closing",
    /// Somebody tries an endpoint; no endpoint asks for it, and each gets it.
    Test = "webhook.test",
}

impl EventType {
    /// The type of that name.
    pub fn parse(name: &str) -> Option<EventType> {
        EventType::ALL.iter().copied().find(|one| one.name() == name)
    }

    /// Those that an endpoint can ask for.
    pub fn offered() -> impl Iterator<Item = EventType> {
        EventType::ALL.iter().copied().filter(|one| *one != EventType::Test)
    }

    /// What whoever has it sent must be allowed to see; of records that is asked table by table.
    pub const fn permission(self) -> Option<Permission> {
        match self {
            EventType::RecordCreated | EventType::RecordUpdated | EventType::RecordDeleted => {
                Some(Permission::RecordsRead)
            }
            EventType::MemberAdded | EventType::MemberRemoved => Some(Permission::MembersRead),
            EventType::UsageThresholdReached | EventType::UsageLimitReached | EventType::SpendCapReached => {
                Some(Permission::UsageRead)
            }
            EventType::InvoiceFinalized | EventType::InvoicePaid | EventType::SubscriptionChanged => {
                Some(Permission::BillingRead)
            }
            EventType::ExportReady => Some(Permission::TenantExport),
            EventType::TenantClosing | EventType::Test => None,
        }
    }

    /// Whether it comes from the feed of changes.
    pub const fn is_of_records(self) -> bool {
        matches!(self, EventType::RecordCreated | EventType::RecordUpdated | EventType::RecordDeleted)
    }
}

/// Something to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id: the same whenever it is made of the same.
    pub id: EventId,
    /// Its type.
    pub kind: EventType,
    /// When it happened.
    pub at: Timestamp,
    /// What is sent.
    pub body: String,
}

impl Event {
    /// An event that `key` tells from all others of the tenant. `data` is what is told beside the tenant's id.
    pub fn new(tenant: TenantId, key: &str, kind: EventType, at: Timestamp, data: &Value) -> Event {
        let mut whole = serde_json::json!({ "tenant_id": tenant });
        if let (Value::Object(whole), Value::Object(data)) = (&mut whole, data) {
            whole.extend(data.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        Event { id: event_id(tenant, key), kind, at, body: body(kind, at, &whole.to_string()) }
    }

    /// An event of the feed of changes, of which `change` is the change as JSON.
    pub fn of_change(tenant: TenantId, seq: i64, kind: EventType, at: Timestamp, change: &str) -> Event {
        let rest = change.strip_prefix('{').unwrap_or(change);
        let data = format!("{{\"tenant_id\":\"{tenant}\",{rest}");
        Event {
            id: event_id(tenant, &format!("change:{seq}:{}", at.0)),
            kind,
            at,
            body: body(kind, at, &data),
        }
    }
}

fn body(kind: EventType, at: Timestamp, data: &str) -> String {
    format!("{{\"type\":\"{}\",\"timestamp\":\"{at}\",\"data\":{data}}}", kind.name())
}

fn event_id(tenant: TenantId, key: &str) -> EventId {
    EventId::derived(&Sha256::digest(format!("tenantry.webhook.v1\n{tenant}\n{key}").as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn types_are_known_by_their_names() {
        for kind in EventType::offered().chain([EventType::Test]) {
            assert_eq!(EventType::parse(kind.name()), Some(kind));
        }
        assert_eq!((EventType::offered().count(), EventType::parse("record")), (13, None));
    }

    #[test]
    fn an_event_is_the_same_whenever_it_is_made_of_the_same() {
        let (one, other) = (TenantId::new(Timestamp(1)), TenantId::new(Timestamp(1)));
        let event = |tenant, key| {
            Event::new(tenant, key, EventType::InvoicePaid, Timestamp(0), &json!({ "number": "2" }))
        };
        assert_eq!(event(one, "a"), event(one, "a"));
        assert_ne!(event(one, "a").id, event(one, "b").id);
        assert_ne!(event(one, "a").id, event(other, "a").id);
        let body: Value = serde_json::from_str(&event(one, "a").body).unwrap();
        let data = json!({ "tenant_id": one, "number": "2" });
        assert_eq!(
            body,
            json!({ "type": "invoice.paid", "timestamp": "1970-01-01T00:00:00.000Z", "data": data })
        );
        let change =
            Event::of_change(one, 7, EventType::RecordCreated, Timestamp(0), "{\"seq\":7,\"record\":null}");
        let body: Value = serde_json::from_str(&change.body).unwrap();
        assert_eq!(body["data"], json!({ "tenant_id": one, "seq": 7, "record": null }));
    }
}
