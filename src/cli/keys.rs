//! `tenantry keys ..`.

use super::arguments::KeysCommand;
use super::{Common, Failure, admin, output};
use crate::service::admin::Command;
use serde_json::Value;
use std::process::ExitCode;

pub(super) fn run(common: &Common, command: &KeysCommand) -> Result<ExitCode, Failure> {
    let config = admin::quiet(common)?;
    match command {
        KeysCommand::List => {
            let answer = admin::execute(&config, Command::KeysList)?;
            admin::print(common, &answer, table);
        }
        KeysCommand::Rotate { emergency } => {
            let answer = admin::execute(&config, Command::KeysRotate { emergency: *emergency })?;
            let what = if *emergency {
                "A new key signs, and every access token of before is refused from now on. Clients refresh and go on; \
                 sessions and refresh tokens are as they were. End those that you do not trust: whoever holds one can still \
                 refresh it."
            } else {
                "A new key signs. The one before verifies until its last token has ended, a little over five minutes; \
                 nobody is signed out."
            };
            admin::print(common, &answer, |answer| format!("{what}\n\n{}", table(answer)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn table(answer: &Value) -> String {
    let text = |key: &Value, name: &str| match &key[name] {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let row = |key: &Value| {
        let does = if key["signs"] == true { "signs" } else { "verifies" };
        let times = ["made_at", "age_days", "verifies_until"].map(|name| text(key, name));
        [text(key, "kid"), does.to_owned()].into_iter().chain(times).collect::<Vec<_>>()
    };
    let rows: Vec<Vec<String>> = answer["keys"].as_array().into_iter().flatten().map(row).collect();
    output::table(&["KEY", "DOES", "MADE", "DAYS", "UNTIL"], &rows).trim_end().to_owned()
}
