//! Typed ids. All are UUIDv7 (RFC 9562), so that rows written together lie together; but what must come out the same however
//! often it is made has a `UUIDv8`, which follows from what it is of.

use crate::clock::Timestamp;
use uuid::Uuid;

/// A new UUIDv7 at `now`.
pub fn uuid_v7(now: Timestamp) -> Uuid {
    let ms = u64::try_from(now.0).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(ms, &crate::random::id_bytes()).into_uuid()
}

/// A `UUIDv8` that follows from a digest: its first bytes.
fn uuid_v8(digest: &[u8; 32]) -> Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

macro_rules! typed_id {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id at `now`.
            pub fn new(now: Timestamp) -> $name {
                $name(uuid_v7(now))
            }

            /// The id in `text`, if it is one in the canonical spelling (36 characters, lower case).
            pub fn parse(text: &str) -> Option<$name> {
                let id = Uuid::try_parse(text).ok()?;
                (id.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text).then_some($name(id))
            }

            /// The sixteen bytes.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<$name, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                $name::parse(&text).ok_or_else(|| serde::de::Error::custom("not an id"))
            }
        }
    )*};
}

typed_id! {
    /// A tenant: the customer organisation. Never used again after erasure.
    TenantId,
    /// A person or service, global to the installation.
    IdentityId,
    /// One sign-in of an identity.
    SessionId,
    /// A key of a program for one tenant.
    ApiKeyId,
    /// An offer of a membership.
    InvitationId,
    /// One export of a tenant.
    ExportId,
    /// One import of a tenant that was exported elsewhere.
    ImportId,
    /// Work to be done behind the answer.
    JobId,
    /// What is to be done again and again.
    ScheduleId,
    /// What an upload holds; another with each upload.
    ContentId,
    /// One request, as in `X-Request-Id`.
    RequestId,
    /// One invoice.
    InvoiceId,
    /// One credit note.
    CreditNoteId,
    /// Where a tenant has events sent.
    WebhookEndpointId,
    /// One event on its way to one endpoint.
    DeliveryId,
    /// Something that endpoints are told of.
    EventId,
    /// One migration of the fleet.
    MigrationRunId,
    /// One backup of a tenant or of the catalog.
    BackupId,
    /// One round of backups.
    BackupRunId,
}

impl EventId {
    /// The event that follows from what the digest was made of.
    pub fn derived(digest: &[u8; 32]) -> EventId {
        EventId(uuid_v8(digest))
    }
}

/// An export that a job asked for.
impl From<JobId> for ExportId {
    fn from(id: JobId) -> ExportId {
        ExportId(id.0)
    }
}

impl InvoiceId {
    /// The invoice that follows from what the digest was made of.
    pub fn derived(digest: &[u8; 32]) -> InvoiceId {
        InvoiceId(uuid_v8(digest))
    }
}
