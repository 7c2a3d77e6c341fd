//! Outgoing webhooks: what tenants are told of, whereto, and when it is tried again.

mod endpoint_url;

pub use endpoint_url::{EndpointUrl, LONGEST_URL, OutgoingRules};

use crate::clock::{DAY, HOUR, MINUTE, SECOND, Timestamp};
use crate::id::{DeliveryId, EventId, TenantId, WebhookEndpointId};
use crate::model::standard_webhooks;
use crate::policy::{Held, Permission, PermissionSet};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Endpoints of one tenant.
pub const MOST_ENDPOINTS: i64 = 20;
/// Longest description of one, in characters.
pub const LONGEST_DESCRIPTION: usize = 200;
/// Bytes of what is sent. A record that would make it larger is told without its content.
pub const MOST_BODY: usize = 64 << 10;
/// Bytes of an answer that are kept.
pub const MOST_KEPT: usize = 4 << 10;
/// How long a secret goes on to sign beside the one that took its place.
pub const OVERLAP: i64 = DAY;
/// How long an endpoint may fail, without any success in between, before it is disabled.
pub const MOST_FAILING: i64 = 5 * DAY;
/// How long deliveries are kept after their end.
pub const KEPT: i64 = 30 * DAY;
/// How many deliveries that have ended are kept of one endpoint.
pub const MOST_ENDED: i64 = 5_000;
/// How many attempts are kept of one delivery.
pub const MOST_ATTEMPTS_KEPT: i64 = 30;
/// How many deliveries of one endpoint wait before changes of records stay where they are.
pub const MOST_PENDING: i64 = 1_000;
/// How long whoever asks to wait is waited for at most.
const LONGEST_WAIT: i64 = DAY;

/// Pauses after the attempts that failed; after one more it is given up. As Standard Webhooks proposes, over some three days.
const PAUSES: [i64; 12] = [
    5 * SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    10 * HOUR,
    10 * HOUR,
    10 * HOUR,
    10 * HOUR,
    10 * HOUR,
    10 * HOUR,
];

/// How long to wait after so many attempts, in milliseconds; nothing where it is given up. Longer where the endpoint asks
/// for that, and at random up to a fifth longer, so that what failed together does not come back together.
pub fn pause(attempts: i64, asked: Option<i64>, random: u32) -> Option<i64> {
    let at = usize::try_from(attempts.max(1) - 1).unwrap_or(usize::MAX);
    let whole = (*PAUSES.get(at)?).max(asked.unwrap_or_default().min(LONGEST_WAIT));
    Some(whole + whole / 5 * i64::from(random) / i64::from(u32::MAX))
}

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

/// An endpoint as it is told: without its secret.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Endpoint {
    /// Its id.
    pub id: WebhookEndpointId,
    /// Whereto it is sent.
    pub url: String,
    /// What for, in the words of whoever made it.
    pub description: String,
    /// Names of the types of events that it asks for.
    pub events: Vec<String>,
    /// `enabled` or `disabled`.
    pub status: String,
    /// Why it is disabled: `by_hand`, `gone` (it answered 410), `failing`, or `maker_gone` (who it acts for is no member
    /// any more, or a key that is over).
    pub disabled_reason: Option<String>,
    /// Since when every attempt has failed.
    pub failing_since: Option<Timestamp>,
    /// How many changes of records were no longer kept when it was their turn.
    pub missed_changes: i64,
    /// How many events were not sent as who it acts for may no longer know of them, or as it goes elsewhere since.
    pub withheld_events: i64,
    /// Until when the secret before signs too.
    pub old_secret_until: Option<Timestamp>,
    /// Who made it.
    pub created_by: String,
    /// Who made it or last said whereto or what: what they may not know is not sent.
    pub acts_for: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// As whom an endpoint is told of anything: what its maker may not know is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadsAs {
    /// Who that is, as the log calls them.
    pub maker: String,
    /// The role, as lines of app.toml call it; none that a tenant defined.
    pub role: Option<String>,
    /// The permissions.
    pub permissions: PermissionSet,
    /// Whether no bound of an API key keeps them from records.
    pub reads_records: bool,
}

impl ReadsAs {
    /// What is held, as far as reading goes.
    pub fn held(&self) -> Held {
        let records = PermissionSet::of(Permission::RecordsRead);
        let bound = PermissionSet::all();
        Held::bound_by(self.permissions, if self.reads_records { bound } else { bound.without(records) })
    }

    /// Whether events of this type, of which no table is asked, may be told.
    pub fn knows_of(&self, kind: EventType) -> bool {
        kind.permission().is_none_or(|permission| self.permissions.has(permission))
    }
}

/// An endpoint to be, or what it becomes.
#[derive(Clone, Debug)]
pub struct EndpointTerms {
    /// Whereto.
    pub url: EndpointUrl,
    /// What for.
    pub description: String,
    /// What it asks for, each once.
    pub events: Vec<EventType>,
    /// As whom it is told from now on; nothing where whereto it is sent, what, and for whom stays as it is.
    pub reads_as: Option<ReadsAs>,
}

/// A key that signs. Shown to nobody by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(Vec<u8>);

impl SigningKey {
    /// A key of these bytes.
    pub fn new(bytes: &[u8; 32]) -> SigningKey {
        SigningKey(bytes.to_vec())
    }

    /// The key that a text of [`SigningKey::secret`] stands for.
    pub fn of(secret: &str) -> Option<SigningKey> {
        standard_webhooks::key_of(secret).map(SigningKey)
    }

    /// As whoever receives needs it: `whsec_` and base64.
    pub fn secret(&self) -> String {
        standard_webhooks::secret_of(&self.0)
    }

    /// One signature.
    pub fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        standard_webhooks::sign(&self.0, id, seconds, body)
    }
}

impl core::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// Where a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// It waits for its time.
    Pending,
    /// The endpoint has taken it.
    Delivered,
    /// It was given up.
    Failed,
    /// It was not sent: who the endpoint acts for may no longer know of it, or the endpoint goes elsewhere since.
    Withheld,
}

impl DeliveryStatus {
    /// Its name in the file and in the API.
    pub const fn name(self) -> &'static str {
        match self {
            DeliveryStatus::Pending => "pending",
            DeliveryStatus::Delivered => "delivered",
            DeliveryStatus::Failed => "failed",
            DeliveryStatus::Withheld => "withheld",
        }
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<DeliveryStatus> {
        use DeliveryStatus as Status;
        let all = [Status::Pending, Status::Delivered, Status::Failed, Status::Withheld];
        all.into_iter().find(|status| status.name() == name)
    }
}

/// One event on its way to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// The endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// The id of the event, sent as `webhook-id`: the same with every attempt, and for every endpoint.
    pub event_id: EventId,
    /// The type of the event.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it is.
    pub status: DeliveryStatus,
    /// How many attempts were made, those before a replay not counted.
    pub attempt_count: i64,
    /// When the next one is due.
    pub next_attempt_at: Option<Timestamp>,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// When it came to an end.
    pub ended_at: Option<Timestamp>,
    /// Its place among those of the tenant.
    #[serde(skip)]
    pub number: i64,
    /// The table of the record that it tells of.
    #[serde(skip)]
    pub table: Option<String>,
    /// The terms of the endpoint under which it was made.
    #[serde(skip)]
    pub terms: i64,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Attempt {
    /// Which one it was, from 1.
    pub number: i64,
    /// When it was begun.
    pub at: Timestamp,
    /// How long it took.
    pub duration_ms: i64,
    /// What was answered, if anything was.
    pub status: Option<i64>,
    /// The beginning of the answer's body, at most [`MOST_KEPT`] bytes.
    pub response: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
}

/// A delivery whose time has come.
#[derive(Clone, Debug)]
pub struct DueDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// The id of the event.
    pub event_id: EventId,
    /// What is sent.
    pub body: String,
}

/// What came of an attempt.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The delivery.
    pub id: DeliveryId,
    /// When it was begun.
    pub at: Timestamp,
    /// How long it took.
    pub duration_ms: i64,
    /// What was answered.
    pub status: Option<u16>,
    /// The beginning of the answer's body.
    pub response: Option<String>,
    /// Why nothing was answered.
    pub error: Option<String>,
    /// How long the endpoint asks to wait, in milliseconds.
    pub wait: Option<i64>,
    /// Spreads what is tried again.
    pub random: u32,
}

impl Tried {
    /// Whether the endpoint has taken it.
    pub fn is_taken(&self) -> bool {
        self.status.is_some_and(|status| (200..=299).contains(&status))
    }

    /// Why it failed, in words; nothing where it did not.
    pub fn fault(&self) -> Option<String> {
        match self.status {
            Some(200..=299) => None,
            Some(status @ 300..=399) => {
                Some(format!("the endpoint answered {status}; redirects are not followed"))
            }
            Some(status) => Some(format!("the endpoint answered {status}")),
            None => self.error.clone(),
        }
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

/// What is kept of the body of an answer: its beginning, with no control characters but line breaks.
pub fn kept_of(bytes: &[u8]) -> String {
    let mut text = String::new();
    for c in String::from_utf8_lossy(bytes).chars() {
        let c = if c.is_control() && c != '\n' { ' ' } else { c };
        if text.len() + c.len_utf8() > MOST_KEPT {
            break;
        }
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pauses_are_those_of_the_schedule_and_longer_where_that_is_asked_for() {
        let least = |attempts| pause(attempts, None, 0);
        let first = [1, 2, 3, 4, 5, 6, 7].map(|attempts| least(attempts).unwrap());
        let hours = [2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR];
        assert_eq!((&first[..3], &first[3..]), (&[5 * SECOND, 5 * MINUTE, 30 * MINUTE][..], &hours[..]));
        assert_eq!((least(12), least(13), least(i64::MAX)), (Some(10 * HOUR), None, None));
        assert_eq!(pause(1, None, u32::MAX), Some(6 * SECOND));
        assert_eq!(pause(1, Some(MINUTE), 0), Some(MINUTE));
        assert_eq!(pause(3, Some(MINUTE), 0), Some(30 * MINUTE));
        assert_eq!(pause(1, Some(i64::MAX), 0), Some(DAY));
        assert_eq!(pause(13, Some(MINUTE), 0), None);
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

    #[test]
    fn types_and_statuses_are_known_by_their_names() {
        for kind in EventType::offered().chain([EventType::Test]) {
            assert_eq!(EventType::parse(kind.name()), Some(kind));
        }
        assert_eq!((EventType::offered().count(), EventType::parse("record")), (13, None));
        for status in ["pending", "delivered", "failed", "withheld"] {
            assert_eq!(DeliveryStatus::parse(status).map(DeliveryStatus::name), Some(status));
        }
        assert_eq!(DeliveryStatus::parse("done"), None);
    }

    #[test]
    fn of_an_answer_the_beginning_is_kept_and_a_key_is_not_shown() {
        assert_eq!(kept_of(b"a\r\n\x1b[1mb\xff"), "a \n [1mb\u{fffd}");
        assert_eq!(kept_of("ä".repeat(9_000).as_bytes()).len(), MOST_KEPT);
        let key = SigningKey::new(&[7; 32]);
        assert_eq!(SigningKey::of(&key.secret()), Some(key.clone()));
        assert_eq!(format!("{key:?}"), "SigningKey(..)");
    }
}
