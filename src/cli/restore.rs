//! `tenantry restore`: of one tenant through the server if one runs, else on the directory itself; of everything into an empty
//! directory.

use super::arguments::{RestoreArguments, WholeArguments};
use super::{Common, Failure, admin, block_on, clock};
use crate::clock::Timestamp;
use crate::config::{Config, Partial};
use crate::id::BackupId;
use crate::service::admin::Command;
use crate::service::backups::{BackupCommand, RestoreIn, WholeIn, restore_whole};
use serde_json::Value;
use std::path::Path;
use std::process::ExitCode;

pub(super) fn run(common: &Common, arguments: RestoreArguments) -> Result<ExitCode, Failure> {
    let Some(tenant) = arguments.tenant else { return whole(common, arguments.at, &arguments.whole) };
    let RestoreArguments { at, backup, beside, discard_live, .. } = arguments;
    let wrong = || Failure::WrongUse("--backup: must be the id of a backup".to_owned());
    let backup = backup.map(|text| BackupId::parse(&text).ok_or_else(wrong)).transpose()?;
    let input = RestoreIn { at, backup, beside, discard_live };
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
    if !restored["lost"].is_null() {
        lines.push(format!(
            "All that was in its file since is gone, usage after event {} too: no number is given twice. `tenantry verify billing` says \
             which invoices cannot be recomputed.",
            restored["lost"]["events_after"]
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

fn whole(common: &Common, at: Option<Timestamp>, arguments: &WholeArguments) -> Result<ExitCode, Failure> {
    let (config, same_store) = match &arguments.from {
        None => (admin::quiet(common)?, true),
        Some(from) => {
            let config = admin::quiet_with(common, store(from)?)?;
            // The store of the settings may be one that is not there on this machine, or not written down yet.
            let own = common.load(None).ok();
            let same_store = own.is_some_and(|own| is_same_store(&own, &config));
            (config, same_store)
        }
    };
    let input = WholeIn {
        at,
        parallel: arguments.parallel.map(usize::from),
        run_jobs: arguments.run_jobs,
        new_keys: arguments.new_keys,
        same_store,
    };
    let restored = block_on(&config, async {
        let progress = |text: String| eprintln!("{text}");
        Ok(restore_whole(config.clone(), clock(), input, &progress).await?)
    })?;
    let told = serde_json::to_value(&restored).map_err(|error| Failure::Failed(error.to_string()))?;
    admin::print(common, &told, |told| words_of_whole(told, arguments.run_jobs));
    Ok(if restored.ok { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The settings of a store, in place of those that are written down.
fn store(from: &str) -> Result<Partial, Failure> {
    if let Some(bucket) = from.strip_prefix("s3://") {
        let (bucket, prefix) = bucket.split_once('/').unwrap_or((bucket, ""));
        return Ok(Partial {
            backup_bucket: Some(Some(bucket.to_owned())),
            backup_prefix: Some(Some(prefix.to_owned()).filter(|prefix| !prefix.is_empty())),
            backup_directory: Some(None),
            ..Partial::default()
        });
    }
    if !Path::new(from).is_dir() {
        return Err(Failure::WrongUse(format!("--from {from}: is no directory, and no s3://BUCKET/PREFIX")));
    }
    Ok(Partial {
        backup_directory: Some(Some(std::path::absolute(from)?)),
        backup_bucket: Some(None),
        backup_prefix: Some(None),
        backup_endpoint: Some(None),
        backup_access_key_id: Some(None),
        backup_secret_access_key: Some(None),
        ..Partial::default()
    })
}

fn is_same_store(one: &Config, other: &Config) -> bool {
    let bucket = |config: &Config| {
        let bucket = config.backup_bucket()?;
        let text = |text: &str| text.to_owned();
        Some([text(bucket.name), text(bucket.prefix), bucket.endpoint.map(text).unwrap_or_default()])
    };
    let directory = |config: &Config| {
        config.backup_directory.clone().unwrap_or_else(|| config.data.join("backups")).canonicalize().ok()
    };
    match (bucket(one), bucket(other)) {
        (None, None) => directory(one).is_some_and(|one| Some(one) == directory(other)),
        (one, other) => one == other,
    }
}

fn words_of_whole(told: &Value, run_jobs: bool) -> String {
    let text = |name: &str| told[name].as_str().unwrap_or_default();
    let count = |name: &str| told[name].as_array().map_or(0, Vec::len);
    let mut lines = vec![format!("The catalog is as it was at {}.", text("catalog_taken_at"))];
    lines.push(match told["already"].as_u64() {
        Some(0) | None => format!("{} tenants are restored.", told["restored"]),
        Some(already) => {
            format!("{} tenants are restored; {already} were by an earlier run.", told["restored"])
        }
    });
    if let Some(oldest) = told["oldest_taken_at"].as_str() {
        lines.push(format!(
            "The oldest of their backups is of {oldest}. What was written after a tenant's backup is lost."
        ));
    }
    if told["erased"].as_u64().is_some_and(|erased| erased > 0) {
        lines.push(format!("{} tenants that were erased since are not there.", told["erased"]));
    }
    if told["missing_uploads"].as_u64().is_some_and(|missing| missing > 0) {
        lines.push(format!("{} uploads are not in the store and are missing.", told["missing_uploads"]));
    }
    for (name, what) in [("older", "AN OLDER BACKUP of"), ("failed", "FAILED")] {
        let each = told[name].as_array().into_iter().flatten();
        lines.extend(each.map(|one| {
            let text = |name: &str| one[name].as_str().unwrap_or_default();
            format!("{what} {}: {}", text("slug"), text("detail"))
        }));
    }
    if count("without_backup") > 0 {
        let slugs = told["without_backup"].as_array().into_iter().flatten().filter_map(Value::as_str);
        lines.push(format!(
            "WITHOUT A BACKUP, and not served: {}. They are younger than their first round.",
            slugs.collect::<Vec<_>>().join(", ")
        ));
    }
    if count("unknown") > 0 {
        let ids = told["unknown"].as_array().into_iter().flatten().filter_map(Value::as_str);
        lines.push(format!(
            "In the store, but younger than the catalog, which does not know whose they are: {}.",
            ids.collect::<Vec<_>>().join(", ")
        ));
    }
    if told["backed_up_anew"] == true {
        lines.push(
            "Backups go to another store than this from now on: the next round stores all of it anew."
                .to_owned(),
        );
    }
    lines.push(if count("failed") > 0 {
        "Not done: this directory is not served before it is. Mend that and run the same again.".to_owned()
    } else if run_jobs {
        "Jobs run as soon as there is a server.".to_owned()
    } else {
        "Jobs and schedules of each tenant are held until an operator releases them.".to_owned()
    });
    lines.join("\n")
}
