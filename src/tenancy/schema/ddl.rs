//! Reads what no PRAGMA tells out of a CREATE statement: CHECK constraints, collations, columns of an expression.

use crate::model::table::Content;
use std::ops::Range;

/// A piece of SQL that matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// A bare word or number.
    Word(String),
    /// A name in quotes, without them.
    Name(String),
    /// A string literal.
    Text,
    /// Any other character.
    Sign(u8),
}

struct Spot {
    token: Token,
    at: Range<usize>,
}

/// A CHECK constraint as written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CheckText {
    pub(super) name: Option<String>,
    pub(super) expression: String,
    /// Every identifier in it.
    pub(super) mentions: Vec<String>,
    /// The column in whose definition it stands.
    pub(super) column: Option<String>,
}

/// A generated column as written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ComputedText {
    pub(super) column: String,
    pub(super) expression: String,
    /// Every identifier in it.
    pub(super) mentions: Vec<String>,
}

/// What a CREATE TABLE statement says beyond the PRAGMAs.
#[derive(Debug, Default)]
pub(super) struct TableText {
    pub(super) checks: Vec<CheckText>,
    /// Column and collation.
    pub(super) collations: Vec<(String, String)>,
    /// The expressions of generated columns.
    pub(super) computed: Vec<ComputedText>,
    /// Whether a constraint is declared ON CONFLICT REPLACE.
    pub(super) replaces: bool,
}

/// Reads a CREATE TABLE statement as SQLite keeps it. It was accepted by SQLite, so there is no syntax to check.
pub(super) fn read_table(sql: &str) -> TableText {
    let spots = tokens(sql);
    let mut found = TableText::default();
    let mut depth = 0;
    let (mut column, mut name) = (None, None);
    let mut starts = false;
    for (index, spot) in spots.iter().enumerate() {
        match &spot.token {
            Token::Sign(b'(') => {
                depth += 1;
                starts = depth == 1;
                continue;
            }
            Token::Sign(b')') => depth -= 1,
            // The name of a constraint holds until the next comma (SQLite's grammar, `tconscomma`).
            Token::Sign(b',') if depth == 1 => {
                (column, name) = (None, None);
                starts = true;
                continue;
            }
            Token::Word(word) if depth == 1 => match word.to_ascii_uppercase().as_str() {
                "CONSTRAINT" => name = spots.get(index + 1).and_then(identifier),
                "CHECK" => found.checks.extend(check(sql, &spots, index, name.as_ref(), column.as_ref())),
                "AS" => {
                    let inside = expression(sql, &spots, index);
                    found.computed.extend(column.clone().zip(inside).map(
                        |(column, (expression, mentions))| ComputedText { column, expression, mentions },
                    ));
                }
                "COLLATE" => {
                    if let (Some(column), Some(collation)) =
                        (&column, spots.get(index + 1).and_then(identifier))
                    {
                        found.collations.push((column.clone(), collation));
                    }
                }
                "REPLACE" if index > 0 && is_word_of(&spots[index - 1], "CONFLICT") => found.replaces = true,
                "PRIMARY" | "UNIQUE" | "FOREIGN" => {}
                _ if starts => column = Some(word.clone()),
                _ => {}
            },
            Token::Name(word) if depth == 1 && starts => column = Some(word.clone()),
            _ => {}
        }
        starts = false;
    }
    found
}

fn check(
    sql: &str,
    spots: &[Spot],
    index: usize,
    name: Option<&String>,
    column: Option<&String>,
) -> Option<CheckText> {
    let (expression, mentions) = expression(sql, spots, index)?;
    Some(CheckText { name: name.cloned(), expression, mentions, column: column.cloned() })
}

/// The expression in parentheses after the word at `index`, and every identifier in it.
fn expression(sql: &str, spots: &[Spot], index: usize) -> Option<(String, Vec<String>)> {
    let open = spots.get(index + 1).filter(|spot| spot.token == Token::Sign(b'('))?;
    let inside = parenthesised(spots, index + 1);
    let close = spots.get(inside.end)?;
    let text = sql.get(open.at.end..close.at.start)?.trim().to_owned();
    Some((text, mentions(spots.get(inside)?)))
}

/// What a CREATE VIRTUAL TABLE .. USING fts5 statement says of the text that it indexes: `content = 'table'` and
/// `content_rowid = 'column'`. `None` for an index that keeps its text itself, or none at all.
pub(super) fn search_content(sql: &str) -> Option<Content> {
    let spots = tokens(sql);
    let option = |name: &str| {
        let found = spots.windows(4).find(|four| {
            matches!(four[0].token, Token::Sign(b'(' | b','))
                && is_word_of(&four[1], name)
                && four[2].token == Token::Sign(b'=')
        })?;
        let value = &found[3];
        identifier(value).or_else(|| {
            let text = sql.get(value.at.clone())?;
            Some(text.strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'"))
        })
    };
    let table = option("CONTENT").filter(|table| !table.is_empty())?;
    Some(Content { table, rowid: option("CONTENT_ROWID").unwrap_or_else(|| "rowid".to_owned()) })
}

/// Every identifier between the first parentheses of a CREATE INDEX statement.
pub(super) fn index_mentions(sql: &str) -> Vec<String> {
    let spots = tokens(sql);
    let open = spots.iter().position(|spot| spot.token == Token::Sign(b'('));
    open.and_then(|open| spots.get(parenthesised(&spots, open))).map(mentions).unwrap_or_default()
}

/// The tokens between the parenthesis at `open` and the one that closes it.
fn parenthesised(spots: &[Spot], open: usize) -> Range<usize> {
    let mut depth = 0;
    for (index, spot) in spots.iter().enumerate().skip(open) {
        match spot.token {
            Token::Sign(b'(') => depth += 1,
            Token::Sign(b')') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + 1..index;
        }
    }
    open + 1..spots.len()
}

fn mentions(spots: &[Spot]) -> Vec<String> {
    let mut found = Vec::new();
    for (index, spot) in spots.iter().enumerate() {
        let calls = spots.get(index + 1).is_some_and(|next| next.token == Token::Sign(b'('));
        if let Some(name) = identifier(spot).filter(|name| !calls && !found.contains(name)) {
            found.push(name);
        }
    }
    found
}

fn identifier(spot: &Spot) -> Option<String> {
    match &spot.token {
        Token::Word(word) | Token::Name(word) => Some(word.clone()),
        Token::Text | Token::Sign(_) => None,
    }
}

fn is_word_of(spot: &Spot, keyword: &str) -> bool {
    matches!(&spot.token, Token::Word(word) if word.eq_ignore_ascii_case(keyword))
}

fn tokens(sql: &str) -> Vec<Spot> {
    let bytes = sql.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at..];
        let end = match byte {
            b'-' if rest.starts_with(b"--") => at + length_until(rest, b"\n"),
            b'/' if rest.starts_with(b"/*") => at + 2 + length_until(&rest[2..], b"*/"),
            b'\'' | b'"' | b'`' => at + quoted_length(rest, byte),
            b'[' => at + length_until(rest, b"]"),
            _ if is_word(byte) => at + rest.iter().take_while(|byte| is_word(**byte)).count(),
            _ => at + 1,
        };
        let text = sql.get(at..end).unwrap_or_default();
        let token = match byte {
            b'-' | b'/' if end > at + 1 => None,
            b'\'' => Some(Token::Text),
            b'"' | b'`' => Some(Token::Name(unquoted(text, char::from(byte)))),
            b'[' => Some(Token::Name(text.trim_matches(['[', ']']).to_owned())),
            _ if is_word(byte) => Some(Token::Word(text.to_owned())),
            _ if byte.is_ascii_whitespace() => None,
            _ => Some(Token::Sign(byte)),
        };
        found.extend(token.map(|token| Spot { token, at: at..end }));
        at = end;
    }
    found
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// The length up to and with `end`, or all of it.
fn length_until(bytes: &[u8], end: &[u8]) -> usize {
    bytes.windows(end.len()).position(|window| window == end).map_or(bytes.len(), |found| found + end.len())
}

/// The length of a quoted piece; a doubled quote is part of it.
fn quoted_length(bytes: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        if byte == quote {
            if bytes.get(at) != Some(&quote) {
                break;
            }
            at += 1;
        }
    }
    at
}

/// A quoted name without its quotes; as SQLite does, whatever follows the closing quote is dropped.
pub(super) fn unquoted(text: &str, quote: char) -> String {
    let length = quoted_length(text.as_bytes(), u8::try_from(quote).unwrap_or(b'"'));
    let inside = text.get(1..length).unwrap_or_default();
    let inside = inside.strip_suffix(quote).unwrap_or(inside);
    inside.replace(&format!("{quote}{quote}"), &quote.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_checks_with_their_names_and_columns() {
        let text = read_table(
            "CREATE TABLE \"t (x\" ( -- CHECK (no)
               a TEXT COLLATE NOCASE CHECK (a <> 'b,)' /* ) */ ), [b c] INT DEFAULT (1) CHECK(\"b c\" > abs(a)),
               CONSTRAINT both UNIQUE (a), CONSTRAINT \"in order\" CHECK (`b c` < a OR (a IS NULL)))",
        );
        let checks: Vec<_> = text.checks.iter().map(|c| (c.name.as_deref(), c.mentions.clone())).collect();
        assert_eq!(text.checks[0].expression, "a <> 'b,)' /* ) */");
        assert_eq!(text.checks[1].column.as_deref(), Some("b c"));
        assert_eq!(checks[0], (None, vec!["a".to_owned()]));
        assert_eq!(checks[1], (None, vec!["b c".to_owned(), "a".to_owned()]));
        assert_eq!(checks[2].0, Some("in order"));
        assert_eq!(checks[2].1[..2], ["b c".to_owned(), "a".to_owned()]);
        assert_eq!(text.collations, [("a".to_owned(), "NOCASE".to_owned())]);
    }

    #[test]
    fn finds_constraints_that_replace() {
        let replaces = |sql: &str| read_table(sql).replaces;
        assert!(replaces("CREATE TABLE t (a PRIMARY KEY on conflict /* so */ replace)"));
        assert!(replaces("CREATE TABLE t (a, b, UNIQUE (a, b) ON CONFLICT REPLACE)"));
        assert!(!replaces(
            "CREATE TABLE t (a UNIQUE ON CONFLICT IGNORE, replace CHECK (replace(a, 1, 2) > 'ON CONFLICT REPLACE'))"
        ));
    }

    #[test]
    fn finds_the_columns_of_an_index_over_an_expression() {
        let sql = "CREATE UNIQUE INDEX i ON t (lower(trim(name)), \"x y\") WHERE z = 1";
        assert_eq!(index_mentions(sql), ["name", "x y"]);
    }
}
