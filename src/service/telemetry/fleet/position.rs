//! A place in a list of the fleet.

use crate::clock::Timestamp;
use crate::id::TenantId;
use std::cmp::Ordering;

/// A place in a list: by which sums it was sorted, and the tenant there.
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    pub(super) as_of: Timestamp,
    pub(super) id: TenantId,
    pub(super) key: Key,
}

impl Position {
    /// Reads what [`Position`] is written as.
    pub fn parse(text: &str) -> Option<Position> {
        let mut parts = text.splitn(4, ' ');
        let (as_of, id) = (parts.next()?.parse().ok()?, TenantId::parse(parts.next()?)?);
        let key = match (parts.next()?, parts.next()?) {
            ("n", bits) => Key::Number(f64::from_bits(bits.parse().ok()?)),
            ("t", text) => Key::Text(text.to_owned()),
            _ => return None,
        };
        Some(Position { as_of: Timestamp(as_of), id, key })
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Position { as_of, id, key } = self;
        match key {
            Key::Number(number) => write!(f, "{} {id} n {}", as_of.0, number.to_bits()),
            Key::Text(text) => write!(f, "{} {id} t {text}", as_of.0),
        }
    }
}

/// What a tenant is sorted by.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Key {
    Number(f64),
    Text(String),
}

impl Key {
    pub(super) fn compare(&self, other: &Key) -> Ordering {
        match (self, other) {
            (Key::Number(one), Key::Number(other)) => one.total_cmp(other),
            (Key::Text(one), Key::Text(other)) => one.cmp(other),
            (Key::Number(_), Key::Text(_)) => Ordering::Less,
            (Key::Text(_), Key::Number(_)) => Ordering::Greater,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_was_written() {
        let id = TenantId::new(Timestamp(7));
        for key in [
            Key::Number(0.125),
            Key::Number(f64::NEG_INFINITY),
            Key::Text("a b".into()),
            Key::Text(String::new()),
        ] {
            let position = Position { as_of: Timestamp(5), id, key };
            assert_eq!(Position::parse(&position.to_string()), Some(position));
        }
        assert_eq!(Position::parse("5 x n 1"), None);
    }
}
