//! The signed head of a tenant's usage events, as a service period is closed.
//!
//! Events are chained by hash; triggers alone prove nothing to whoever can write the file. What an invoice counted is signed
//! with it: the head stands in the invoice, which the catalog, the tenant's file and its exports have.

use super::hex::hex;
use super::signed::Signed;
use super::usage::UsageEvent;
use crate::id::TenantId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a head says it is.
pub const FORMAT: &str = "tenantry.usage-head.v1";

/// The statement that is signed: at that time the events of the tenant ended with that one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// [`FORMAT`].
    pub format: String,
    /// The installation that signed.
    pub installation: String,
    /// The tenant.
    pub tenant: TenantId,
    /// Number of the last event.
    pub seq: i64,
    /// The chain after it, in hex.
    pub chain: String,
    /// When this was signed (RFC 3339).
    pub at: String,
}

/// A head with its signature.
pub type UsageHead = Signed<Head>;

/// The chain of events, made anew and held against what was signed of it.
#[derive(Debug, Default)]
pub struct UsageHeadCheck {
    /// By number: the chain, and which invoice says so.
    signed: BTreeMap<i64, (String, String)>,
    chain: Vec<u8>,
    buffer: Vec<u8>,
    fault: Option<String>,
}

impl UsageHeadCheck {
    /// Takes a head that stands in the invoice `name` of a tenant, over the events up to `watermark`. `trusted` is the key
    /// that it has to be signed with, in hex; where none is given, the one beside it.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn add(
        &mut self,
        name: &str,
        tenant: TenantId,
        watermark: i64,
        head: &UsageHead,
        trusted: Option<&str>,
    ) -> Result<(), String> {
        let said = head
            .verify(trusted)
            .map_err(|why| format!("{name}: the head of its usage events is not valid: {why}"))?;
        if said.format != FORMAT || said.tenant != tenant || said.seq != watermark {
            return Err(format!("{name}: the head of its usage events is of another invoice"));
        }
        let before = self.signed.insert(said.seq, (said.chain.clone(), name.to_owned()));
        if before.is_some_and(|(chain, _)| chain != said.chain) {
            return Err(format!(
                "{name}: event {watermark} was signed twice with different events before it"
            ));
        }
        Ok(())
    }

    /// Whether there is anything to be held against the events.
    pub fn is_empty(&self) -> bool {
        self.signed.is_empty()
    }

    /// Takes the next event, in the order of their numbers.
    pub fn take(&mut self, event: &UsageEvent) {
        self.chain = event.row().chain(&self.chain, &mut self.buffer).to_vec();
        if let Some((chain, name)) = self.signed.remove(&event.seq)
            && chain != hex(&self.chain)
        {
            let seq = event.seq;
            self.fault.get_or_insert_with(|| {
                format!("{name}: the events up to {seq} are not those that were signed with it")
            });
        }
    }

    /// What is wrong, after all events.
    pub fn finish(self) -> Option<String> {
        let missing = self.signed.into_iter().next();
        self.fault.or_else(|| {
            missing.map(|(seq, (_, name))| format!("{name}: event {seq} is missing, and was signed with it"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use ed25519_dalek::SigningKey;

    fn event(seq: i64, quantity: i64) -> UsageEvent {
        UsageEvent {
            seq,
            key: seq.to_string(),
            meter: "tokens".to_owned(),
            quantity,
            cost: 0,
            occurred_at: seq,
            received_at: seq,
            dated: false,
            properties: None,
            voids: None,
            sender: None,
        }
    }

    fn chain(events: &[UsageEvent]) -> String {
        let (mut chain, mut buffer) = (Vec::new(), Vec::new());
        for event in events {
            chain = event.row().chain(&chain, &mut buffer).to_vec();
        }
        hex(&chain)
    }

    #[test]
    fn events_that_were_changed_dropped_or_put_in_between_are_found_by_what_was_signed() {
        let (tenant, key) = (TenantId::new(Timestamp(0)), SigningKey::from_bytes(&[7; 32]));
        let events: Vec<UsageEvent> = (1..=5).map(|seq| event(seq, seq)).collect();
        let head = Head {
            format: FORMAT.to_owned(),
            installation: "here".to_owned(),
            tenant,
            seq: 4,
            chain: chain(&events[..4]),
            at: "2026-06-01T00:00:00Z".to_owned(),
        };
        let signed = UsageHead::sign(&head, &key).unwrap();
        let found = |events: &[UsageEvent]| {
            let mut check = UsageHeadCheck::default();
            check.add("INV-1", tenant, 4, &signed, Some(&signed.public_key)).unwrap();
            events.iter().for_each(|event| check.take(event));
            check.finish()
        };
        assert_eq!(found(&events), None);
        let mut changed = events.clone();
        changed[1].quantity = 7;
        assert!(found(&changed).is_some_and(|fault| fault.contains("events up to 4 are not those")));
        assert!(found(&events[1..]).is_some_and(|fault| fault.contains("events up to 4 are not those")));
        assert!(found(&events[..3]).is_some_and(|fault| fault.contains("event 4 is missing")));
        // What came later is not signed with it; a sender is not part of what is billed.
        let mut later = events.clone();
        (later[4].quantity, later[0].sender) = (9, Some("identity:x".to_owned()));
        assert_eq!(found(&later), None);
        let mut check = UsageHeadCheck::default();
        assert!(
            check.add("INV-1", TenantId::new(Timestamp(1)), 4, &signed, None).is_err(),
            "of another tenant"
        );
        assert!(check.add("INV-1", tenant, 5, &signed, None).is_err(), "of another event");
        assert!(check.add("INV-1", tenant, 4, &signed, Some(&"0".repeat(64))).is_err(), "of another key");
        let forged = UsageHead { statement: signed.statement.replace("\"seq\":4", "\"seq\":5"), ..signed };
        assert!(check.add("INV-1", tenant, 5, &forged, None).is_err(), "changed after it was signed");
    }
}
