//! How all texts begin that match a pattern, as a range that an index can be entered with.

use crate::db::Value;
use crate::model::column::{Column, ColumnType};
use crate::model::table::{Table, TableKind};
use std::fmt::Write as _;

/// All texts from one up to another, which is not among them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Prefix {
    from: Value,
    /// `None` if no text is greater than all that begin so.
    to: Option<Value>,
}

impl Prefix {
    /// That of the texts which match `pattern` in `column`; `None` where there is none, or where the column does not
    /// compare texts byte by byte.
    pub(super) fn of(column: &Column, pattern: &str) -> Option<Prefix> {
        // Text that is not UTF-8 is matched as if U+FFFD stood in it.
        let start = pattern.split(['*', '\u{fffd}']).next().filter(|start| !start.is_empty())?;
        // A column of this type has TEXT affinity: there are no numbers in it.
        let fits = column.kind == ColumnType::Text && column.collation.is_none();
        fits.then(|| Prefix { from: Value::from(start), to: successor(start).map(Value::from) })
    }

    /// Writes the condition and an AND behind it.
    pub(super) fn write<'f>(
        &'f self,
        table: &Table,
        name: &str,
        sql: &mut String,
        params: &mut Vec<&'f Value>,
    ) {
        // A view's column may have an affinity that its values never went through.
        if table.kind != TableKind::Table {
            return;
        }
        params.push(&self.from);
        // Bytes are matched as the text that they are, and all of them are greater than all texts.
        let _ = match &self.to {
            None => write!(sql, "{name} >= ? AND "),
            Some(to) => {
                params.push(to);
                if table.strict {
                    write!(sql, "{name} >= ? AND {name} < ? AND ")
                } else {
                    // Two parts of one index are read for this, if the second is taken for a small one.
                    write!(sql, "(({name} >= ? AND {name} < ?) OR unlikely({name} >= x'')) AND ")
                }
            }
        };
    }
}

/// The least text that is greater than all texts which begin with `start`. Bytes of UTF-8 are in the order of the
/// characters.
fn successor(start: &str) -> Option<String> {
    let mut chars = start.chars();
    loop {
        // The last character that has one above it; `char` leaves out the surrogates.
        let last = chars.next_back()?;
        if let Some(next) = (last..=char::MAX).nth(1) {
            return Some(format!("{}{next}", chars.as_str()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::successor;

    #[test]
    fn what_follows_is_the_next_character() {
        for (start, next) in [
            ("foo", Some("fop")),
            ("a\u{7f}", Some("a\u{80}")),
            ("\u{d7ff}", Some("\u{e000}")),
            ("b\u{10ffff}\u{10ffff}", Some("c")),
            ("\u{10ffff}", None),
            ("", None),
        ] {
            assert_eq!(successor(start).as_deref(), next, "{start:?}");
        }
    }
}
