//! A record that was stored as JSON earlier, as a client may read it now.

use super::json::Raw;
use crate::model::table::Table;

/// Writes those fields of a stored record that are columns which a client may read.
pub(in crate::tenancy::tx) fn encode_visible(table: &Table, record: &str, out: &mut String) {
    out.push('{');
    let mut is_first = true;
    for (name, value) in Raw::stored(record).fields() {
        let Some(index) = table.column(&name) else { continue };
        if !is_first {
            out.push(',');
        }
        is_first = false;
        // Made of the name by `serde_json`.
        out.push_str(std::str::from_utf8(&table.columns[index].json_name).unwrap_or_default());
        out.push_str(value.text());
    }
    out.push('}');
}
