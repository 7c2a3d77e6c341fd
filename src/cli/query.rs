//! `tenantry query`: one statement over many tenants, through the server if one runs, else on the directory itself.

use super::arguments::QueryArguments;
use super::{Common, Failure, admin, output};
use crate::error::Error;
use crate::service::admin::Command;
use crate::service::fleet_query::{BudgetIn, QueryIn, SelectionIn};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::process::ExitCode;

/// Longest statement that is read from standard input, in bytes; longer ones are refused anyway.
const MOST: u64 = 1 << 20;
/// Characters of a value in a table.
const WIDEST: usize = 60;

pub(super) fn run(common: &Common, arguments: QueryArguments) -> Result<ExitCode, Failure> {
    let csv = arguments.csv;
    if csv && common.json {
        return Err(Failure::WrongUse("say --csv or --json, not both".to_owned()));
    }
    let command = Command::Query(Box::new(asked(arguments)?));
    let answer = admin::execute(&admin::quiet(common)?, command)?;
    if csv {
        // Who reads may be gone: the end of a pipe is no failure.
        let _ = std::io::stdout().lock().write_all(&as_csv(&answer).map_err(Error::from)?);
        eprint!("{}", beside(&answer));
    } else {
        admin::print(common, &answer, |answer| {
            eprint!("{}", beside(answer));
            as_table(answer)
        });
    }
    let tenants = &answer["tenants"];
    let is_whole = tenants["selected"] == tenants["answered"] && answer["truncated"] == false;
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn asked(arguments: QueryArguments) -> Result<QueryIn, Failure> {
    let mut sql = arguments.sql;
    if sql == "-" {
        sql.clear();
        std::io::stdin().take(MOST).read_to_string(&mut sql)?;
    }
    Ok(QueryIn {
        sql,
        params: None,
        selection: SelectionIn {
            tenants: Some(arguments.tenant).filter(|tenants| !tenants.is_empty()),
            q: arguments.search,
            plan: arguments.plan,
            status: arguments.status,
            all: arguments.all,
            after: arguments.after,
        },
        budget: BudgetIn {
            seconds: arguments.seconds,
            rows: arguments.limit,
            tenant_rows: arguments.tenant_limit,
            tenants: arguments.tenants,
            ..BudgetIn::default()
        },
    })
}

fn columns(answer: &Value) -> Vec<&str> {
    list(&answer["columns"]).iter().filter_map(Value::as_str).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A value as text; nothing for NULL.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// As much of a value as a table has room for.
fn cell(value: &Value) -> String {
    let shown = if value.is_null() { "NULL".to_owned() } else { words(value) };
    if shown.chars().count() <= WIDEST {
        return shown;
    }
    shown.chars().take(WIDEST - 1).chain(['…']).collect()
}

fn as_table(answer: &Value) -> String {
    let headings: Vec<String> =
        columns(answer).iter().map(|name| cell(&(*name).into()).to_uppercase()).collect();
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    let rows = list(&answer["rows"]);
    let cells: Vec<Vec<String>> = rows.iter().map(|row| list(row).iter().map(cell).collect()).collect();
    if cells.is_empty() {
        "No rows.".to_owned()
    } else {
        output::table(&headings, &cells).trim_end().to_owned()
    }
}

fn as_csv(answer: &Value) -> Result<Vec<u8>, csv::Error> {
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record(columns(answer))?;
    for row in list(&answer["rows"]) {
        out.write_record(list(row).iter().map(plain))?;
    }
    out.into_inner().map_err(|error| error.into_error().into())
}

/// What is told beside the rows: how many there are, of whom there are none, and why.
fn beside(answer: &Value) -> String {
    let tenants = &answer["tenants"];
    let mut text = format!(
        "{} rows of {} of {} tenants in {} ms\n",
        list(&answer["rows"]).len(),
        tenants["answered"],
        tenants["selected"],
        answer["duration_ms"]
    );
    for what in ["failed", "skipped"] {
        if tenants[what] != 0 {
            let _ = writeln!(text, "{what}: {}", tenants[what]);
        }
        // Those whose turn never came are many, and all for the same reason.
        for one in list(&answer[what]).iter().filter(|one| one["reason"] != "over_budget") {
            let _ = writeln!(text, "  {}: {}", cell(&one["tenant"]["slug"]), words(&one["detail"]));
        }
    }
    if tenants["cut"] != 0 {
        let slugs: Vec<String> = list(&answer["cut"]).iter().map(|tenant| cell(&tenant["slug"])).collect();
        let _ = writeln!(text, "more rows than were taken: {}", slugs.join(", "));
    }
    if let Some(part) = answer["ended_by"].as_str() {
        let _ = writeln!(text, "the budget of {part} ended it");
    }
    if let Some(after) = answer["next_after"].as_str() {
        let _ = writeln!(text, "go on with: --after {after}");
    }
    text
}

/// Text without control characters, which could write elsewhere on a terminal.
fn words(value: &Value) -> String {
    plain(value).chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_cannot_write_elsewhere_on_the_terminal_and_are_whole_in_csv() {
        let hostile = "\u{1b}[2J\u{9b}31m\n,\"";
        let answer = json!({ "columns": ["tenant", "x"], "rows": [["acme", hostile], ["acme", null]] });
        let table = as_table(&answer);
        assert!(!table.contains(['\u{1b}', '\u{9b}']) && table.lines().count() == 3, "{table:?}");
        assert!(table.contains("NULL"), "{table}");
        let csv = format!("tenant,x\nacme,\"{}\"\nacme,\n", hostile.replace('"', "\"\""));
        assert_eq!(String::from_utf8(as_csv(&answer).unwrap()).unwrap(), csv);
        assert_eq!(cell(&"x".repeat(1_000).into()).chars().count(), WIDEST);
    }
}
