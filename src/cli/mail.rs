//! `tenantry mail ..`: letters to look at, without a server.

use super::arguments::{MailCommand, Part};
use super::{Common, Failure, output};
use crate::service::mail::preview::{list, preview};
use crate::tenancy::App;
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::ExitCode;

pub(super) fn run(common: &Common, command: &MailCommand) -> Result<ExitCode, Failure> {
    let config = common.load(None)?;
    crate::telemetry::start(&config).map_err(Failure::WrongUse)?;
    match command {
        MailCommand::List if common.json => {
            let items: Vec<Value> = list()
                .into_iter()
                .map(|(name, variables)| json!({ "name": name, "variables": variables }))
                .collect();
            println!("{}", json!({ "items": items }));
        }
        MailCommand::List => {
            let rows: Vec<Vec<String>> =
                list().into_iter().map(|(name, variables)| vec![name, variables.join(" ")]).collect();
            println!("{}", output::table(&["LETTER", "VARIABLES"], &rows).trim_end());
        }
        MailCommand::Preview { name, part } => {
            let app = App::load(config.app.as_deref()).map_err(|error| Failure::Failed(error.to_string()))?;
            let url = config.public_url.clone().unwrap_or_else(|| "https://app.example.com".to_owned());
            let letter = preview(config.app.as_deref(), &app.name, name, url.trim_end_matches('/'))?;
            if common.json {
                println!(
                    "{}",
                    json!({ "subject": letter.subject, "text": letter.text, "html": letter.html })
                );
                return Ok(ExitCode::SUCCESS);
            }
            let text = match part {
                Part::Text => format!("Subject: {}\n\n{}", letter.subject, letter.text),
                Part::Html => letter.html,
            };
            std::io::stdout().write_all(text.as_bytes())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
