//! Slow statements by their shape: the SQL without what somebody wrote into it.

use crate::clock::{MINUTE, Timestamp};
use crate::id::TenantId;
use foldhash::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Shapes that are kept, of all tenants and of each.
const MOST: usize = 1_000;
const EACH: usize = 100;
/// Longest shape, in bytes.
const LONGEST: usize = 2_000;

/// Statements that took longer than the settings say, since the start.
pub struct SlowStatements {
    longest: Duration,
    by_shape: Mutex<HashMap<(TenantId, String), Slow>>,
}

/// One shape of one tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slow {
    /// How often it was slow.
    pub count: u64,
    /// Microseconds of all these times.
    pub total_us: u64,
    /// Microseconds of the longest.
    pub most_us: u64,
    /// When it was slow last.
    pub last_at: Timestamp,
    told_at: Timestamp,
}

impl SlowStatements {
    /// Those that take longer than that; none where it is nothing.
    pub fn over(longest: Duration) -> SlowStatements {
        SlowStatements { longest, by_shape: Mutex::default() }
    }

    /// How long a statement may take before it is slow, if any is.
    pub fn longest(&self) -> Option<Duration> {
        Some(self.longest).filter(|longest| !longest.is_zero())
    }

    fn all(&self) -> MutexGuard<'_, HashMap<(TenantId, String), Slow>> {
        self.by_shape.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes down a statement. The log tells of a shape once a minute at most.
    pub fn note(&self, tenant: TenantId, sql: &str, took: Duration, now: Timestamp) {
        let (shape, us) = (shape_of(sql), super::micros(took));
        let mut all = self.all();
        let key = (tenant, shape);
        if !all.contains_key(&key) {
            // Who took least makes way; where one tenant has as many as it may have, one of its own.
            let is_own = all.keys().filter(|(of, _)| *of == tenant).count() >= EACH;
            if is_own || all.len() >= MOST {
                let least = all.iter().filter(|((of, _), _)| !is_own || *of == tenant);
                let least = least.min_by_key(|(_, slow)| slow.total_us).map(|(key, _)| key.clone());
                least.map(|least| all.remove(&least));
            }
        }
        let shape = key.1.clone();
        let slow = all.entry(key).or_insert(Slow {
            count: 0,
            total_us: 0,
            most_us: 0,
            last_at: now,
            told_at: now.plus(-MINUTE),
        });
        slow.count += 1;
        slow.total_us = slow.total_us.saturating_add(us);
        slow.most_us = slow.most_us.max(us);
        slow.last_at = now;
        if (0..MINUTE).contains(&now.since(slow.told_at)) {
            return;
        }
        slow.told_at = now;
        let count = slow.count;
        drop(all);
        tracing::warn!(tenant_id = %tenant, ms = us / 1_000, count, statement = shape, "slow statement");
    }

    /// Those that took most, of one tenant or of all: tenant, shape, and how slow it was.
    pub fn worst(&self, of: Option<TenantId>, limit: usize) -> Vec<(TenantId, String, Slow)> {
        let mut found: Vec<(TenantId, String, Slow)> = self
            .all()
            .iter()
            .filter(|((tenant, _), _)| of.is_none_or(|of| of == *tenant))
            .map(|((tenant, shape), slow)| (*tenant, shape.clone(), *slow))
            .collect();
        found.sort_by(|a, b| b.2.total_us.cmp(&a.2.total_us).then_with(|| (a.0, &a.1).cmp(&(b.0, &b.1))));
        found.truncate(limit);
        found
    }

    /// Forgets a tenant.
    pub fn forget(&self, tenant: TenantId) {
        self.all().retain(|(of, _), _| *of != tenant);
    }
}

/// The statement with `?` for every text, number and blob, without comments, on one line; lists of such as one. What is not
/// closed ends with the text.
pub fn shape_of(sql: &str) -> String {
    let mut shape = String::with_capacity(sql.len().min(LONGEST));
    let mut rest = sql;
    while let Some(first) = rest.chars().next().filter(|_| shape.len() <= LONGEST) {
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let taken = match first {
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => {
                rest.get(2..).and_then(|r| r.find("*/")).map_or(rest.len(), |at| at + 4)
            }
            c if c.is_whitespace() => c.len_utf8(),
            '\'' => {
                push_value(&mut shape);
                quoted(rest)
            }
            'x' | 'X' if rest.get(1..2) == Some("'") => {
                push_value(&mut shape);
                1 + rest.get(1..).map_or(0, quoted)
            }
            c if c.is_ascii_digit()
                || (c == '.' && rest.get(1..2).is_some_and(|d| d.as_bytes()[0].is_ascii_digit())) =>
            {
                push_value(&mut shape);
                rest.find(|c: char| !(word(c) || c == '.')).unwrap_or(rest.len())
            }
            '?' | ':' | '@' => {
                push_value(&mut shape);
                first.len_utf8() + rest.get(1..).map_or(0, |r| r.find(|c| !word(c)).unwrap_or(r.len()))
            }
            '"' | '`' | '[' => {
                let length = named(rest, first);
                push_word(&mut shape, rest.get(..length).unwrap_or(rest));
                length
            }
            c if word(c) => {
                let length = rest.find(|c| !word(c)).unwrap_or(rest.len());
                push_word(&mut shape, rest.get(..length).unwrap_or(rest));
                length
            }
            c => {
                shape.push(c);
                c.len_utf8()
            }
        };
        rest = rest.get(taken.max(1)..).unwrap_or_default();
    }
    if shape.len() > LONGEST {
        shape.truncate(cut(&shape, LONGEST).len());
        shape.push_str("..");
        shape.shrink_to_fit();
    }
    shape
}

/// As many whole characters of a text as have at most that many bytes.
fn cut(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

/// A value in a list of values is one with those before it.
fn push_value(shape: &mut String) {
    if shape.ends_with("?,") {
        shape.pop();
    } else if shape.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
        shape.push_str(" ?");
    } else {
        shape.push('?');
    }
}

fn push_word(shape: &mut String, word: &str) {
    if shape.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '?' | '"' | '`' | ']' | ')' | '*'))
    {
        shape.push(' ');
    }
    // A word may be as long as the statement.
    shape.push_str(cut(word, LONGEST + char::MAX_LEN_UTF8));
}

/// Bytes of a text in quotes, in which two of them are one.
fn quoted(text: &str) -> usize {
    let mut from = 1;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find('\'')) {
        let after = from + at + 1;
        if text.get(after..).is_some_and(|rest| rest.starts_with('\'')) {
            from = after + 1;
        } else {
            return after;
        }
    }
    text.len()
}

/// Bytes of a name in quotes.
fn named(text: &str, opens: char) -> usize {
    let closes = if opens == '[' { ']' } else { opens };
    text.get(1..).and_then(|rest| rest.find(closes)).map_or(text.len(), |at| at + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_hold_nothing_that_somebody_wrote() {
        for (sql, shape) in [
            ("SELECT * FROM t WHERE name = 'O''Brien' AND n>=1.5e3", "SELECT* FROM t WHERE name=? AND n>=?"),
            ("select a,b\n from t -- secret\n where id in (1, 2,\t3)", "select a,b from t where id in(?)"),
            (
                "SELECT x'00ff', ?1, :name /* 'secret' */ FROM \"a b\" LIMIT 5",
                "SELECT ? FROM \"a b\" LIMIT ?",
            ),
            ("SELECT 'never closed secret", "SELECT ?"),
            ("SELECT t1.a2 FROM t1", "SELECT t1.a2 FROM t1"),
            ("SELECT 'ä', ä FROM t", "SELECT ?,ä FROM t"),
        ] {
            assert_eq!(shape_of(sql), shape);
        }
    }

    #[test]
    fn shapes_are_bounded_however_long_a_word_is() {
        let is_of = |shape: &str, begin: &str| shape.starts_with(begin) && shape.ends_with("..");
        for (sql, begin) in [
            ("a ".repeat(9_000), "a a a "),
            ("a".repeat(100_000), "aaaa"),
            (format!("SELECT \"{}\"", "ä".repeat(50_000)), "SELECT \"ää"),
            (format!("SELECT x{}", "日".repeat(40_000)), "SELECT x日"),
            (format!("SELECT {}, b FROM t", "c".repeat(LONGEST)), "SELECT cccc"),
            ("+".repeat(9_000), "++"),
        ] {
            let shape = shape_of(&sql);
            assert!((LONGEST - 3..=LONGEST + 2).contains(&shape.len()), "{} of {begin}", shape.len());
            assert!(shape.capacity() <= LONGEST + 8 && is_of(&shape, begin), "{begin}");
        }
        assert_eq!(shape_of(&"a".repeat(LONGEST)), "a".repeat(LONGEST));
    }

    #[test]
    fn shapes_are_summed_by_tenant_and_bounded() {
        let (slow, now) = (SlowStatements::over(Duration::ZERO), Timestamp(0));
        let [one, other] = [1, 2].map(|at| TenantId::new(Timestamp(at)));
        for value in 1..=3 {
            slow.note(one, &format!("SELECT {value}"), Duration::from_millis(value), now);
        }
        slow.note(other, "SELECT 1", Duration::from_millis(50), now);
        let worst = slow.worst(None, 10);
        assert_eq!(
            worst.iter().map(|(tenant, _, slow)| (*tenant, slow.count)).collect::<Vec<_>>(),
            [(other, 1), (one, 3)]
        );
        let (_, shape, of_one) = &slow.worst(Some(one), 10)[0];
        assert_eq!((shape.as_str(), of_one.total_us, of_one.most_us), ("SELECT ?", 6_000, 3_000));
        for number in 0..2_000 {
            slow.note(one, &format!("SELECT c{number}"), Duration::from_micros(1), now);
        }
        // However slow those of one are, they drive out its own alone.
        assert_eq!((slow.worst(Some(one), MOST).len(), slow.worst(Some(other), 1).len()), (EACH, 1));
        assert_eq!(slow.worst(Some(one), 1)[0].1, "SELECT ?");
        slow.forget(other);
        assert!(slow.worst(Some(other), 1).is_empty());
        for tenant in (1..=20).map(|at| TenantId::new(Timestamp(at))) {
            for number in 0..EACH {
                slow.note(tenant, &format!("SELECT c{number}"), Duration::from_micros(1), now);
            }
        }
        assert_eq!(slow.all().len(), MOST);
    }
}
