//! `tenantry backup ..`: through the server if one runs, else on the directory itself.

use super::arguments::BackupCommand as Arguments;
use super::{Common, Failure, admin, output};
use crate::id::BackupId;
use crate::service::admin::Command;
use crate::service::backups::{BackupCommand, NewBackupsIn};
use serde_json::Value;
use std::process::ExitCode;

pub(super) fn run(common: &Common, command: Arguments) -> Result<ExitCode, Failure> {
    let config = admin::quiet(common)?;
    match command {
        Arguments::Run { tenant, full } => {
            let input = NewBackupsIn { tenant, full };
            let run = admin::execute(&config, Command::Backup(BackupCommand::Run { input }))?;
            admin::print(common, &run, outcome);
            Ok(if run["status"] == "done" { ExitCode::SUCCESS } else { ExitCode::from(1) })
        }
        Arguments::List { tenant, before } => {
            let before = before
                .map(|text| {
                    BackupId::parse(&text)
                        .ok_or_else(|| Failure::WrongUse("--before: must be the id of a backup".to_owned()))
                })
                .transpose()?;
            let listed = admin::execute(&config, Command::Backup(BackupCommand::List { tenant, before }))?;
            admin::print(common, &listed, list);
            Ok(ExitCode::SUCCESS)
        }
    }
}

pub(super) fn verify(
    common: &Common,
    tenant: Option<String>,
    sample: Option<u32>,
) -> Result<ExitCode, Failure> {
    let sample = sample.unwrap_or(if tenant.is_some() { 1 } else { 10 });
    let command = Command::Backup(BackupCommand::Verify { tenant, sample });
    let told = admin::execute(&admin::quiet(common)?, command)?;
    admin::print(common, &told, verified);
    let is_good = told["ok"] == true && told["backups"].as_array().is_some_and(|all| !all.is_empty());
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn verified(told: &Value) -> String {
    let line = |one: &Value| {
        let backup = &one["backup"];
        let whose = backup["slug"].as_str().or(backup["tenant_id"].as_str()).unwrap_or("(catalog)");
        let (taken_at, id) = (backup["taken_at"].as_str(), backup["id"].as_str());
        let of = format!("{whose} of {} ({})", taken_at.unwrap_or_default(), id.unwrap_or_default());
        match one["fault"].as_str() {
            None => format!("GOOD    {of}: {} rows, {} uploads", one["rows"], one["uploads"]),
            Some(fault) => format!("BROKEN  {of}: {fault}"),
        }
    };
    let lines: Vec<String> = told["backups"].as_array().into_iter().flatten().map(line).collect();
    if lines.is_empty() { "There are no backups.".to_owned() } else { lines.join("\n") }
}

fn outcome(run: &Value) -> String {
    let mut lines = vec![format!(
        "{} tenants were written since their last backup: {} stored, {} unchanged, {} failed; {} bytes in all, {} old \
         backups removed.",
        run["tenants"], run["stored"], run["unchanged"], run["failed"], run["stored_bytes"], run["pruned"]
    )];
    if let Some(error) = run["error"].as_str() {
        lines.push(format!("FAILED: {error}"));
    }
    lines.extend(failures(run));
    lines.join("\n")
}

fn failures(told: &Value) -> Vec<String> {
    let text = |failure: &Value, name: &str| failure[name].as_str().unwrap_or_default().to_owned();
    let line = |failure: &Value| format!("FAILED {}: {}", text(failure, "slug"), text(failure, "error"));
    told["failures"].as_array().into_iter().flatten().map(line).collect()
}

fn list(listed: &Value) -> String {
    let text = |item: &Value, name: &str| item[name].as_str().unwrap_or("-").to_owned();
    let row = |item: &Value| {
        let whose = if item["tenant_id"].is_null() { "(catalog)".to_owned() } else { text(item, "slug") };
        let state = match (item["fault"].as_str(), item["verified_at"].as_str()) {
            (Some(fault), _) => format!("BROKEN: {fault}"),
            (None, Some(at)) => format!("verified {at}"),
            (None, None) => String::new(),
        };
        vec![
            whose,
            text(item, "taken_at"),
            item["size_bytes"].to_string(),
            item["files"].to_string(),
            text(item, "keep_until"),
            text(item, "id"),
            state,
        ]
    };
    let rows: Vec<Vec<String>> = listed["items"].as_array().into_iter().flatten().map(row).collect();
    let mut lines = failures(listed);
    if rows.is_empty() {
        lines.push("There are no backups. `tenantry backup run` makes some.".to_owned());
    } else {
        let head = ["TENANT", "TAKEN AT", "BYTES", "UPLOADS", "KEPT UNTIL", "ID", ""];
        lines.push(output::table(&head, &rows).trim_end().to_owned());
    }
    lines.join("\n")
}
