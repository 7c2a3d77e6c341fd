//! Names of columns in a list: `id,"a,b",-created_at.nullslast`.
//!
//! A name is quoted where it holds what the list itself uses; within quotes a backslash takes the next character as it
//! is. A bare piece that is the whole name of a column means that column, whatever it looks like.

use super::query::unknown_column;
use crate::error::Result;
use crate::model::table::Table;

/// The pieces between the commas that are not in quotes.
pub(super) fn pieces(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' if quoted => quoted = false,
            '"' => quoted = matches!(text.get(start..at), Some("" | "-")),
            ',' if !quoted => {
                found.extend(text.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    found.extend(text.get(start..));
    found
}

/// The text in quotes at the start, and what follows the closing one; `None` if it does not begin with a quote that
/// is closed.
pub(super) fn unquote(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text.strip_prefix('"')?.char_indices();
    while let Some((at, c)) = rest.next() {
        match c {
            '"' => return Some((name, text.get(at + 2..)?)),
            '\\' => name.push(rest.next()?.1),
            _ => name.push(c),
        }
    }
    None
}

/// A list of names of tables.
pub fn parse_names(text: &str) -> Vec<String> {
    let name = |piece: &str| match unquote(piece) {
        Some((name, "")) => name,
        _ => piece.to_owned(),
    };
    pieces(text).into_iter().map(name).collect()
}

/// The column that a piece names.
///
/// # Errors
/// 400 `unknown_column`.
pub(super) fn column(table: &Table, piece: &str) -> Result<usize> {
    let quoted =
        || unquote(piece).filter(|(_, rest)| rest.is_empty()).and_then(|(name, _)| table.column(&name));
    table.column(piece).or_else(quoted).ok_or_else(|| unknown_column(table, piece))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_quotes_do_not_part() {
        assert_eq!(pieces(r#"a,"b,c",-"d,\"e",f"g,h"#), ["a", r#""b,c""#, r#"-"d,\"e""#, "f\"g", "h"]);
        assert_eq!(pieces(""), [""]);
        assert_eq!(unquote(r#""a\"b".x"#), Some(("a\"b".to_owned(), ".x")));
        assert_eq!(unquote(r#""a"#), None);
        assert_eq!(unquote("a"), None);
    }
}
