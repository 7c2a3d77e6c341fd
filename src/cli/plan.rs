//! `tenantry plan ..`: through the server if one runs, else on the directory itself.

use super::{Common, Failure, admin};
use crate::clock::Timestamp;
use crate::service::admin::Command;
use crate::service::plans::{PlansFileIn, VersionsSeen};
use serde_json::Value;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

/// Shows how the plans of a file differ from the published ones, asks, and publishes them.
pub(super) fn apply(common: &Common, file: &Path, yes: bool, dry_run: bool) -> Result<ExitCode, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))?;
    let config = admin::quiet(common)?;
    let file = PlansFileIn { name: file.display().to_string(), text };
    let told = admin::execute(&config, Command::PlanApply { file: file.clone(), publish: None })?;
    let changes = told["plans"].as_array().cloned().unwrap_or_default();
    if dry_run || changes.is_empty() {
        admin::print(common, &told, |told| words(told).trim_end().to_owned());
        return Ok(ExitCode::SUCCESS);
    }
    if !common.json {
        admin::print(common, &told, words);
    }
    if !yes && !confirmed("Publish?", "use --yes to publish, or --dry-run")? {
        return Err(Failure::Failed("nothing was published".to_owned()));
    }
    // What was shown is what is published: if another version came in between, it is refused.
    let seen: VersionsSeen = changes
        .iter()
        .filter_map(|change| Some((change["plan"].as_str()?.to_owned(), change["from_version"].as_i64()?)))
        .collect();
    let done = admin::execute(&config, Command::PlanApply { file, publish: Some(seen) })?;
    admin::print(common, &done, published);
    Ok(ExitCode::SUCCESS)
}

/// Bills service periods that are over.
pub(super) fn close_period(
    common: &Common,
    tenant: Option<String>,
    at: Option<Timestamp>,
    is_final: bool,
) -> Result<ExitCode, Failure> {
    let config = admin::quiet(common)?;
    let closed = admin::execute(&config, Command::PlanClosePeriod { tenant, at, is_final })?;
    admin::print(common, &closed, |closed| {
        let count = |name: &str| closed[name].as_array().map_or(0, Vec::len);
        let failed: Vec<&str> =
            closed["failed"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let text = format!(
            "{} service periods closed, {} invoices drawn up, {} turned final.",
            closed["periods"],
            count("invoices"),
            closed["finalized"]
        );
        match failed.len() {
            0 => text,
            _ => format!("{text}\nNot closed, see the log: {}", failed.join(", ")),
        }
    });
    let sound = closed["failed"].as_array().is_none_or(Vec::is_empty);
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Declares the numbers of a tenant's invoices lost, after asking.
pub(super) fn declare_lost(common: &Common, tenant: String, yes: bool) -> Result<ExitCode, Failure> {
    let config = admin::quiet(common)?;
    let question = format!("Declare the invoices lost that only the file of {tenant} has?");
    if !yes && !confirmed(&question, "use --yes to declare them lost")? {
        return Err(Failure::Failed("nothing was declared lost".to_owned()));
    }
    let done = admin::execute(&config, Command::PlanDeclareLost { tenant })?;
    admin::print(common, &done, |done| {
        let numbers: Vec<String> =
            done["numbers"].as_array().into_iter().flatten().map(Value::to_string).collect();
        format!("Declared lost: {}.", numbers.join(", "))
    });
    Ok(ExitCode::SUCCESS)
}

/// Asks whether to go on; without a terminal `instead` says what to do.
pub(super) fn confirmed(question: &str, instead: &str) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::WrongUse(format!("there is no terminal to ask at; {instead}")));
    }
    eprint!("{question} [y/N] ");
    std::io::stderr().flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(["y", "yes"].contains(&line.trim().to_ascii_lowercase().as_str()))
}

/// The difference, plan by plan and field by field.
fn words(told: &Value) -> String {
    let mut lines = Vec::new();
    for change in told["plans"].as_array().into_iter().flatten() {
        let plan = change["plan"].as_str().unwrap_or_default();
        lines.push(match (change["from_version"].as_i64(), change["tenants"].as_i64()) {
            (Some(0), _) => format!("{plan}: new"),
            (_, Some(0)) => format!("{plan}: version {} -> {}", change["from_version"], change["version"]),
            _ => format!(
                "{plan}: version {} -> {} ({} tenants stay on what they have)",
                change["from_version"], change["version"], change["tenants"]
            ),
        });
        lines.extend(change["changes"].as_array().into_iter().flatten().map(field));
        lines.push(String::new());
    }
    if lines.is_empty() {
        lines.push("Nothing to publish: the plans of this file are those that count.".to_owned());
    }
    let list = |name: &str| -> Vec<&str> {
        told[name].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    };
    for (names, what) in
        [(list("unchanged"), "as they were"), (list("not_in_file"), "not in this file, and left as they are")]
    {
        if !names.is_empty() {
            lines.push(format!("{what}: {}", names.join(", ")));
        }
    }
    lines.join("\n")
}

fn field(change: &Value) -> String {
    let value = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let (name, from, to) = (value(&change["field"]), &change["from"], &change["to"]);
    match (from, to) {
        (Value::Null, to) => format!("  + {name}: {}", value(to)),
        (from, Value::Null) => format!("  - {name}: {}", value(from)),
        (from, to) => format!("  ~ {name}: {} -> {}", value(from), value(to)),
    }
}

fn published(done: &Value) -> String {
    let each = done["plans"].as_array().into_iter().flatten();
    let names: Vec<String> = each
        .map(|plan| format!("{} version {}", plan["plan"].as_str().unwrap_or_default(), plan["version"]))
        .collect();
    format!("Published: {}.", names.join(", "))
}
