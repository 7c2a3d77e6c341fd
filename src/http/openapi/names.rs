//! Names for tables in documents and in TypeScript: identifiers in any language, and no two alike.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Names of schemas and types that no table gets.
const TAKEN: [&str; 9] = [
    "Problem",
    "FieldError",
    "RecordChange",
    "StoredFile",
    "TableDescription",
    "BatchOperation",
    "BatchResult",
    "JsonValue",
    "Tables",
];

/// What is appended to the name of a table for what belongs to it.
const ENDINGS: [&str; 5] = ["", "Create", "Patch", "Part", "Operation"];

/// Words that end in an s and are one thing.
const SINGULAR: [&str; 6] = ["news", "series", "species", "lens", "sms", "gps"];

/// A name for each of these tables: `InvoiceLine` for `invoice_lines`.
///
/// It depends on the tables before it where two would be called alike, so they are given in the order of their names.
pub(super) fn names_of<'t>(tables: impl IntoIterator<Item = &'t str>) -> Vec<String> {
    // Without regard to case: generated code becomes files, and some file systems tell no case.
    let mut taken: BTreeSet<String> = TAKEN.iter().map(|name| name.to_ascii_lowercase()).collect();
    let mut named = Vec::new();
    for table in tables {
        let whole = identifier(table);
        let numbered = (2_u32..).map(|number| format!("{whole}{number}"));
        let mut wanted = [singular(&whole), whole.clone()].into_iter().chain(numbered);
        let is_free = |name: &String| {
            ENDINGS.iter().all(|ending| !taken.contains(&format!("{name}{ending}").to_ascii_lowercase()))
        };
        let name = wanted.find(is_free).unwrap_or_default();
        taken.extend(ENDINGS.iter().map(|ending| format!("{name}{ending}").to_ascii_lowercase()));
        named.push(name);
    }
    named
}

/// The letters and digits of a name, each word with a capital; letters beyond ASCII by their code points.
fn identifier(name: &str) -> String {
    let mut identifier = String::new();
    let mut begins = true;
    for c in name.chars() {
        match c {
            _ if c.is_ascii_alphanumeric() => {
                if identifier.is_empty() && c.is_ascii_digit() {
                    identifier.push('T');
                }
                identifier.push(if begins { c.to_ascii_uppercase() } else { c });
            }
            // A String takes every text, so writing does not fail.
            _ if c.is_alphanumeric() => drop(write!(identifier, "U{:04x}", u32::from(c))),
            _ => {
                begins = true;
                continue;
            }
        }
        begins = false;
    }
    if identifier.is_empty() { "Table".to_owned() } else { identifier }
}

/// One of what an English plural names, where it looks like one; the word as it is otherwise.
fn singular(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    let without = |count: usize| name.get(..name.len() - count).unwrap_or_default();
    if SINGULAR.iter().any(|word| lower.ends_with(word)) || ends(&["ss", "us", "is"]) || name.len() < 4 {
        name.to_owned()
    } else if ends(&["ies"]) && !ends(&["ovies", "ookies"]) {
        format!("{}y", without(3))
    } else if ends(&["sses", "shes", "ches", "xes", "zes", "tuses", "nuses", "ruses", "puses"]) {
        without(2).to_owned()
    } else if ends(&["s"]) {
        without(1).to_owned()
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_one_record() {
        for (table, name) in [
            ("customers", "Customer"),
            ("invoice_lines", "InvoiceLine"),
            ("categories", "Category"),
            ("addresses", "Address"),
            ("statuses", "Status"),
            ("warehouses", "Warehouse"),
            ("movies", "Movie"),
            ("boxes", "Box"),
            ("purchases", "Purchase"),
            ("status", "Status"),
            ("news", "News"),
            ("select", "Select"),
            ("survey.2026", "Survey2026"),
            ("2026 \"odd\" {names}", "T2026OddName"),
            ("Überstunden", "U00dcberstunden"),
            ("日付", "U65e5U4ed8"),
            ("🙂", "Table"),
            ("problems", "Problems"),
        ] {
            assert_eq!(names_of([table]), [name], "{table}");
        }
    }

    #[test]
    fn no_two_are_alike_in_any_ending_or_case() {
        let tables = ["a b", "a-b", "ab", "customer", "customer_create", "customers", "tables", "table"];
        let names = names_of(tables);
        let expected = ["AB", "AB2", "Ab3", "Customer", "CustomerCreate2", "Customers", "Table", "Table2"];
        assert_eq!(names, expected);
        let all: BTreeSet<String> = names
            .iter()
            .flat_map(|name| ENDINGS.map(|ending| format!("{name}{ending}").to_ascii_lowercase()))
            .collect();
        assert_eq!(all.len(), names.len() * ENDINGS.len());
    }
}
