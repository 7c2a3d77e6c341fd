//! Matching text against a pattern in which `*` is any run, in time proportional to the text.
//!
//! SQLite's own GLOB and LIKE try again at every position: a pattern of a thousand bytes over a text of some megabytes
//! takes seconds inside one opcode, where no deadline bites. Here each piece between two stars is looked for once.

use super::guard::Guard;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Result};
use std::borrow::Cow;
use std::sync::Arc;

/// The SQL function that heeds case: `tenantry_like(pattern, text)`.
pub const LIKE: &str = "tenantry_like";
/// The same without heeding the case of ASCII letters.
pub const ILIKE: &str = "tenantry_ilike";

/// Makes both functions known to a connection. Not to the app's triggers and views: they are for our statements.
pub(super) fn register(connection: &Connection, guard: &Arc<Guard>) -> Result<()> {
    let (one, other) = (Arc::clone(guard), Arc::clone(guard));
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function(LIKE, 2, flags, move |context| {
        refuse_when_over(&one)?;
        Ok(arguments(context).map(|(pattern, text)| matches(&pattern, &text)))
    })?;
    connection.create_scalar_function(ILIKE, 2, flags, move |context| {
        refuse_when_over(&other)?;
        let pair = arguments(context);
        Ok(pair.map(|(pattern, text)| matches(&pattern.to_ascii_lowercase(), &text.to_ascii_lowercase())))
    })
}

/// A few calls over large values fit between two looks at the clock; so each call looks too.
fn refuse_when_over(guard: &Guard) -> Result<()> {
    if guard.is_over() { Err(rusqlite::Error::UserFunctionError("the time is over".into())) } else { Ok(()) }
}

fn arguments<'c>(context: &'c Context<'_>) -> Option<(Cow<'c, str>, Cow<'c, str>)> {
    let text = |index| match context.get_raw(index) {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes)),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => None,
    };
    text(0).zip(text(1))
}

fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        let Some(found) = rest.find(piece) else { return false };
        rest = rest.get(found + piece.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;
    use proptest::prelude::*;

    #[test]
    fn a_star_is_any_run_and_everything_else_is_plain() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("a*a", "a", false),
            ("*b*", "abc", true),
            ("*x*", "abc", false),
            ("a%c", "abc", false),
            ("a_c", "a_c", true),
            ("[a]*?", "[a]x?", true),
            ("*é*", "café au lait", true),
            ("a*b*c", "a-c-b", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern:?} {text:?}");
        }
    }

    /// What a star means, said as plainly as it can be.
    fn oracle(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|skipped| oracle(rest, &text[skipped..])),
            Some((c, rest)) => text.first() == Some(c) && oracle(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_plain_meaning(pattern in "[ab*]{0,7}", text in "[ab]{0,9}") {
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(matches(&pattern, &text), oracle(&p, &t));
        }
    }
}
