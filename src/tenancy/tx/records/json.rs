//! A JSON body cut into fields, each still in the client's own text.
//!
//! Numbers are not turned into doubles on the way, and what goes into a JSON column stays in its order and spelling.

use crate::error::{Error, Result};
use std::borrow::Cow;

/// Levels of arrays and objects in one value.
const DEEPEST: usize = 100;

/// One value of a body, as text that is known to be valid JSON.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Raw<'b>(&'b str);

/// What a value is, without what is in it.
#[derive(Debug, PartialEq)]
pub(super) enum Shape<'b> {
    Null,
    Bool(bool),
    Number(&'b str),
    Text(Cow<'b, str>),
    /// A string with half of a surrogate pair, which no UTF-8 can hold.
    Broken,
    Array,
    Object,
}

impl<'b> Raw<'b> {
    /// The whole body.
    ///
    /// # Errors
    /// 400 `bad_json` if it is not JSON in UTF-8, or nested deeper than 100 levels.
    pub(super) fn read(body: &'b [u8]) -> Result<Raw<'b>> {
        let text = std::str::from_utf8(body)
            .map_err(|error| Error::malformed("malformed_json", "The body is not UTF-8.").because(error))?;
        serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Error::malformed(
                "malformed_json",
                format!("The body is not JSON: see line {line}, column {column}."),
            )
            .because(error)
        })?;
        if depth(text) > DEEPEST {
            return Err(Error::malformed("malformed_json", "The body is nested deeper than 100 levels."));
        }
        Ok(Raw(text.trim_ascii()))
    }

    /// What we have stored as JSON ourselves.
    pub(super) fn stored(text: &'b str) -> Raw<'b> {
        Raw(text)
    }

    /// Its text.
    pub(super) fn text(self) -> &'b str {
        self.0
    }

    /// What it is.
    pub(super) fn shape(self) -> Shape<'b> {
        match self.0.as_bytes().first() {
            Some(b'{') => Shape::Object,
            Some(b'[') => Shape::Array,
            Some(b'"') => text(self.0).map_or(Shape::Broken, Shape::Text),
            Some(b't') => Shape::Bool(true),
            Some(b'f') => Shape::Bool(false),
            Some(b'n') | None => Shape::Null,
            Some(_) => Shape::Number(self.0),
        }
    }

    /// Its elements, if it is an array.
    pub(super) fn elements(self) -> Vec<Raw<'b>> {
        let mut rest = self.0.get(1..).unwrap_or_default().trim_ascii_start();
        let mut found = Vec::new();
        while !rest.is_empty() && !rest.starts_with(']') {
            let (value, after) = value(rest);
            found.push(value);
            rest = after_comma(after);
        }
        found
    }

    /// Its fields in their order, if it is an object.
    pub(super) fn fields(self) -> Vec<(Cow<'b, str>, Raw<'b>)> {
        let mut rest = self.0.get(1..).unwrap_or_default().trim_ascii_start();
        let mut found = Vec::new();
        while !rest.is_empty() && !rest.starts_with('}') {
            let (name, after) = value(rest);
            let after = after.trim_ascii_start();
            let after = after.strip_prefix(':').unwrap_or(after).trim_ascii_start();
            let (inside, after) = value(after);
            found.push((text(name.0).unwrap_or(Cow::Borrowed(name.0)), inside));
            rest = after_comma(after);
        }
        found
    }

    /// Its text without blanks between tokens.
    pub(super) fn compact(self) -> String {
        let mut compact = String::with_capacity(self.0.len());
        let mut rest = self.0;
        while let Some(first) = rest.chars().next() {
            let length = if first == '"' { string_length(rest) } else { first.len_utf8() };
            let (token, after) = rest.split_at(length);
            if !first.is_ascii_whitespace() {
                compact.push_str(token);
            }
            rest = after;
        }
        compact
    }
}

/// A string literal, decoded; `None` if it is no text.
fn text(literal: &str) -> Option<Cow<'_, str>> {
    let inside = literal.get(1..literal.len().saturating_sub(1)).unwrap_or_default();
    if inside.contains('\\') {
        serde_json::from_str::<String>(literal).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inside))
    }
}

fn after_comma(rest: &str) -> &str {
    let rest = rest.trim_ascii_start();
    rest.strip_prefix(',').unwrap_or(rest).trim_ascii_start()
}

/// The value at the start of valid JSON, and what follows it.
fn value(text: &str) -> (Raw<'_>, &str) {
    let mut open = 0_usize;
    let mut at = 0;
    while let Some(&byte) = text.as_bytes().get(at) {
        match byte {
            b'"' => at += string_length(&text[at..]),
            b'{' | b'[' => {
                open += 1;
                at += 1;
                continue;
            }
            b'}' | b']' if open > 0 => {
                open -= 1;
                at += 1;
            }
            b',' | b'}' | b']' if open == 0 => break,
            b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' => {
                if open == 0 {
                    break;
                }
                at += 1;
                continue;
            }
            _ => {
                at += 1;
                continue;
            }
        }
        if open == 0 {
            break;
        }
    }
    let (value, rest) = text.split_at(at);
    (Raw(value), rest)
}

/// The length of the string literal at the start, with its quotes.
fn string_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn depth(text: &str) -> usize {
    let (mut open, mut deepest, mut at) = (0_usize, 0, 0);
    while let Some(&byte) = text.as_bytes().get(at) {
        match byte {
            b'"' => {
                at += string_length(&text[at..]);
                continue;
            }
            b'{' | b'[' => {
                open += 1;
                deepest = deepest.max(open);
            }
            b'}' | b']' => open = open.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_cut_into_fields() {
        let raw =
            Raw::read(br#" { "a\"b" : -1.50e3 ,"c":[1, {"x":"]}"} ] , "d":"\u00e4\n","":null,"t":true } "#)
                .unwrap();
        let fields = raw.fields();
        let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_ref()).collect();
        assert_eq!(names, ["a\"b", "c", "d", "", "t"]);
        assert_eq!(fields[0].1.shape(), Shape::Number("-1.50e3"));
        assert_eq!(fields[1].1.compact(), r#"[1,{"x":"]}"}]"#);
        assert_eq!(fields[1].1.elements().len(), 2);
        assert_eq!(fields[2].1.shape(), Shape::Text("ä\n".into()));
        assert_eq!(fields[3].1.shape(), Shape::Null);
        assert_eq!(fields[4].1.shape(), Shape::Bool(true));
        assert!(Raw::read(b"[]").unwrap().elements().is_empty());
        assert!(Raw::read(b"{ }").unwrap().fields().is_empty());
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let deep = "[".repeat(101) + &"]".repeat(101);
        for body in [b"{" as &[u8], b"", b"{\"a\":1,}", b"\xff", b"1 2", deep.as_bytes(), b"NaN"] {
            assert_eq!(Raw::read(body).unwrap_err().code(), "malformed_json");
        }
    }
}
