//! `tenantry migrate ..`: through the server if one runs, else on the directory itself.

use super::arguments::MigrateCommand as Arguments;
use super::{Common, Failure, admin, output, plan};
use crate::service::admin::Command;
use crate::service::migrations::{MigrateCommand, NewRunIn, RollbackIn};
use serde_json::Value;
use std::process::ExitCode;

pub(super) fn run(common: &Common, command: Arguments) -> Result<ExitCode, Failure> {
    let config = admin::quiet(common)?;
    let execute = |command| admin::execute(&config, Command::Migrate(command));
    match command {
        Arguments::Plan { rehearse } => {
            let plan = execute(MigrateCommand::Plan { rehearse: rehearse as usize })?;
            admin::print(common, &plan, planned);
            let mut rehearsed = plan["rehearsed"].as_array().into_iter().flatten();
            Ok(exit(rehearsed.all(|one| one["error"].is_null())))
        }
        Arguments::Run {
            canary_plan,
            canary,
            canary_tenant,
            parallel,
            halt_at_errors,
            no_snapshot_above,
            retry,
            release,
            yes,
        } => {
            let input = NewRunIn {
                canary_plan,
                canary: canary.map(i64::from),
                canary_tenants: canary_tenant,
                parallel: parallel.map(i64::from),
                halt_at_errors,
                no_snapshot_above,
                retry,
                release,
            };
            if !yes {
                let told = execute(MigrateCommand::Plan { rehearse: 0 })?;
                if told["pending"] == 0 && !((retry && told["failed"] != 0) || (release && told["held"] != 0))
                {
                    admin::print(common, &told, planned);
                    return Ok(ExitCode::SUCCESS);
                }
                if !common.json {
                    admin::print(common, &told, planned);
                }
                if !plan::confirmed("Migrate?", "use --yes to migrate, or `migrate plan`")? {
                    return Err(Failure::Failed("nothing was migrated".to_owned()));
                }
            }
            Ok(ended(common, &execute(MigrateCommand::Run { input })?))
        }
        Arguments::Resume => Ok(ended(common, &execute(MigrateCommand::Resume)?)),
        Arguments::Cancel => {
            admin::print(common, &execute(MigrateCommand::Cancel)?, outcome);
            Ok(ExitCode::SUCCESS)
        }
        Arguments::Rollback { tenant, to, discard_writes } => {
            let input = RollbackIn { tenant, to: to.map(i64::from), discard_writes };
            admin::print(common, &execute(MigrateCommand::Rollback { input })?, rolled_back);
            Ok(ExitCode::SUCCESS)
        }
        Arguments::Status { look } => {
            let status = execute(MigrateCommand::Status { look })?;
            admin::print(common, &status, status_words);
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn exit(good: bool) -> ExitCode {
    if good { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn ended(common: &Common, run: &Value) -> ExitCode {
    admin::print(common, run, outcome);
    exit(run["nothing_to_do"] == true || (run["status"] == "done" && run["failed"] == 0))
}

fn rolled_back(done: &Value) -> String {
    let text = |name: &str| done[name].as_str().unwrap_or_default();
    format!(
        "{} has version {} again, as of {}; {} later changes of records are gone.\nIt stays there until `tenantry migrate \
         run --release`. The file of before is kept until {}.",
        text("slug"),
        done["app"],
        text("copied_at"),
        done["discarded_writes"],
        text("kept_until")
    )
}

fn outcome(run: &Value) -> String {
    if run["nothing_to_do"] == true {
        return "Nothing to do: all tenants are up to date.".to_owned();
    }
    let counts = format!("{} tenants were migrated, {} failed", run["migrated"], run["failed"]);
    match run["status"].as_str().unwrap_or_default() {
        "done" if run["failed"] == 0 => format!("Done: {counts}."),
        "done" => {
            format!("Done: {counts}. `tenantry migrate status` says why; `migrate run --retry` tries again.")
        }
        "halted" => format!(
            "HALTED: {}.\n{counts}. Go on with `tenantry migrate resume`, or give up with `migrate cancel`.",
            run["reason"].as_str().unwrap_or_default()
        ),
        "running" => format!("The server ends: {counts}. It goes on at the next start."),
        status => format!("The migration is {status}: {counts}."),
    }
}

fn planned(plan: &Value) -> String {
    let mut lines = Vec::new();
    if plan["pending"] == 0 {
        lines.push(format!("Nothing to do: {} tenants are up to date.", plan["current"]));
    } else {
        let names = plan["migrations"].as_array().into_iter().flatten().filter_map(Value::as_str);
        lines.push(format!("{} of {} tenants are to be migrated:", plan["pending"], plan["tenants"]));
        lines.extend(names.map(|name| format!("  {name}")));
        lines.push(versions(plan));
    }
    for (name, what) in [("failed", "failed, see `tenantry migrate status`"), ("held", "held where they are")]
    {
        if plan[name].as_i64().is_some_and(|count| count > 0) {
            lines.push(format!("{} {what}", plan[name]));
        }
    }
    if let Some(status) = plan["run"]["status"].as_str() {
        lines.push(format!(
            "A run is {status}: {} migrated, {} failed.",
            plan["run"]["migrated"], plan["run"]["failed"]
        ));
    }
    if let Some(rehearsed) = plan["rehearsed"].as_array() {
        let cell =
            |one: &Value, name: &str| one[name].as_str().map_or_else(|| one[name].to_string(), str::to_owned);
        let row = |one: &Value| {
            let error = one["error"].as_str().unwrap_or("good").to_owned();
            vec![cell(one, "slug"), cell(one, "size_bytes"), cell(one, "took_ms"), error]
        };
        let rows: Vec<Vec<String>> = rehearsed.iter().map(row).collect();
        lines.push(output::table(&["TENANT", "BYTES", "MS", "ON A COPY"], &rows).trim_end().to_owned());
    }
    lines.join("\n")
}

fn versions(plan: &Value) -> String {
    let row = |count: &Value| {
        let state = count["state"].as_str().unwrap_or_default().to_owned();
        vec![count["app"].to_string(), count["system"].to_string(), state, count["tenants"].to_string()]
    };
    let rows: Vec<Vec<String>> = plan["versions"].as_array().into_iter().flatten().map(row).collect();
    output::table(&["APP", "SYSTEM", "STATE", "TENANTS"], &rows).trim_end().to_owned()
}

fn status_words(status: &Value) -> String {
    let mut lines = vec![planned(status)];
    if status["pending"] == 0 {
        lines.push(versions(status));
    }
    for failure in status["failures"].as_array().into_iter().flatten() {
        let text = |name: &str| failure[name].as_str().unwrap_or_default();
        lines.push(format!("FAILED {}: {}", text("slug"), text("error")));
    }
    for drift in status["drift"].as_array().into_iter().flatten() {
        let slug = drift["slug"].as_str().unwrap_or_default();
        lines.push(format!("DRIFT {slug}: its schema is not what the app's version {} makes", drift["app"]));
    }
    lines.join("\n")
}
