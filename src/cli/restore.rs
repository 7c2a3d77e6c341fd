//! `tenantry restore`: through the server if one runs, else on the directory itself.

use super::arguments::RestoreArguments;
use super::{Common, Failure, admin};
use crate::id::BackupId;
use crate::service::admin::Command;
use crate::service::backups::{BackupCommand, RestoreIn};
use serde_json::Value;
use std::process::ExitCode;

pub(super) fn run(common: &Common, arguments: RestoreArguments) -> Result<ExitCode, Failure> {
    let RestoreArguments { tenant, at, backup, beside } = arguments;
    let wrong = || Failure::WrongUse("--backup: must be the id of a backup".to_owned());
    let backup = backup.map(|text| BackupId::parse(&text).ok_or_else(wrong)).transpose()?;
    let input = RestoreIn { at, backup, beside };
    let command = Command::Backup(BackupCommand::Restore { tenant, input });
    let restored = admin::execute(&admin::quiet(common)?, command)?;
    admin::print(common, &restored, words);
    Ok(ExitCode::SUCCESS)
}

fn words(restored: &Value) -> String {
    let text = |name: &str| restored[name].as_str().unwrap_or_default();
    let mut lines = vec![format!("{} is as it was at {}.", text("slug"), text("taken_at"))];
    if let Some(count) = restored["discarded"]["count"].as_i64() {
        lines.push(format!(
            "{count} changes that were made since are gone; usage, invoices and jobs are as they were."
        ));
    }
    if let Some(before) = restored["before"].as_str() {
        lines.push(format!("What was there before is backup {before}."));
    }
    let missing = restored["missing_uploads"].as_array().map_or(0, Vec::len);
    if missing > 0 {
        lines.push(format!("{missing} uploads are not in the store and are missing."));
    }
    lines.push("Its jobs and schedules are held until an operator releases them.".to_owned());
    lines.join("\n")
}
