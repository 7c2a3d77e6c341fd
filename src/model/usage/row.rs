//! A usage event as it is kept, and the bytes that stand for it in digests.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// An event as it is kept; see `_usage_events` for what its fields are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct UsageEvent {
    /// Its number: the order of the commits.
    pub seq: i64,
    /// The key it was sent with.
    pub key: String,
    /// The meter's name.
    pub meter: String,
    /// In the meter's smallest unit; less than nothing where it takes another event back.
    pub quantity: i64,
    /// In millionths of a minor unit.
    pub cost: i64,
    /// When it occurred, in milliseconds since 1970 UTC.
    pub occurred_at: i64,
    /// When it was received.
    pub received_at: i64,
    /// Whether whoever sent it said when it occurred.
    pub dated: bool,
    /// Canonical JSON.
    pub properties: Option<String>,
    /// The event that it takes back.
    pub voids: Option<i64>,
    /// Who sent it, where that is known. Not part of what is digested: that is what is billed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
}

/// The fields in the order in which they are digested, borrowed.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct UsageRow<'r>(
    /// `seq`
    pub i64,
    /// `key`
    pub &'r str,
    /// `meter`
    pub &'r str,
    /// `quantity`
    pub i64,
    /// `cost`
    pub i64,
    /// `occurred_at`
    pub i64,
    /// `received_at`
    pub i64,
    /// `dated`
    pub bool,
    /// `properties`
    pub Option<&'r str>,
    /// `voids`
    pub Option<i64>,
);

impl UsageRow<'_> {
    /// Adds the row to a digest: its canonical text, which is a JSON array without blanks, and a line feed.
    pub fn digest_into(&self, hash: &mut Sha256, buffer: &mut Vec<u8>) {
        buffer.clear();
        // Writing numbers and text into memory does not fail.
        if serde_json::to_writer(&mut *buffer, self).is_ok() {
            buffer.push(b'\n');
            hash.update(&*buffer);
        }
    }

    /// The chain after this row: SHA-256 of the chain before it and its canonical text.
    pub fn chain(&self, before: &[u8], buffer: &mut Vec<u8>) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(before);
        self.digest_into(&mut hash, buffer);
        hash.finalize().into()
    }
}

impl UsageEvent {
    /// The fields in the order in which they are digested.
    pub fn row(&self) -> UsageRow<'_> {
        UsageRow(
            self.seq,
            &self.key,
            &self.meter,
            self.quantity,
            self.cost,
            self.occurred_at,
            self.received_at,
            self.dated,
            self.properties.as_deref(),
            self.voids,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_digested_as_anyone_can_write_it_down() {
        let event = UsageEvent {
            seq: 7,
            key: "a\"b".to_owned(),
            meter: "tokens".to_owned(),
            quantity: -5,
            cost: 0,
            occurred_at: 1,
            received_at: 2,
            dated: true,
            properties: Some("{}".to_owned()),
            voids: None,
            sender: None,
        };
        let text = "[7,\"a\\\"b\",\"tokens\",-5,0,1,2,true,\"{}\",null]\n";
        let mut hash = Sha256::new();
        event.row().digest_into(&mut hash, &mut Vec::new());
        assert_eq!(hash.finalize(), Sha256::digest(text));
        assert_eq!(event.row().chain(&[], &mut Vec::new())[..], Sha256::digest(text)[..]);
    }
}
