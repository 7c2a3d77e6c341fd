//! Whereto events are sent, as whom, and signed with what.

use super::{EndpointUrl, EventType};
use crate::clock::Timestamp;
use crate::id::WebhookEndpointId;
use crate::model::standard_webhooks;
use crate::policy::{Held, Permission, PermissionSet};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_shown() {
        let key = SigningKey::new(&[7; 32]);
        assert_eq!(SigningKey::of(&key.secret()), Some(key.clone()));
        assert_eq!(format!("{key:?}"), "SigningKey(..)");
    }
}
