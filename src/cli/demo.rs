//! `tenantry demo`.

use super::serve::{Running, say};
use super::{Common, Failure, Listening, block_on};
use crate::service::demo::{self, Login};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Where the demo keeps its data where nobody says otherwise: not where a real installation would.
const DIRECTORY: &str = "./demo-data";

pub(super) fn run(common: &Common, listening: &Listening) -> Result<ExitCode, Failure> {
    let mut common = common.clone();
    common.data.get_or_insert_with(|| PathBuf::from(DIRECTORY));
    let config = common.load(listening.listen)?;
    if !config.listen.ip().is_loopback() {
        return Err(Failure::WrongUse(
            "the demo's passwords are known to all; it listens on loopback only".to_owned(),
        ));
    }
    block_on(&config.clone(), async move {
        let running = Running::start(config).await?;
        let logins = demo::ensure_demo(&running.installation).await?;
        let url = running.url();
        if common.json {
            say(&json!({ "url": url, "logins": logins }).to_string());
        } else {
            say(&welcome(&url, &logins));
        }
        running.until_stopped().await?;
        Ok(ExitCode::SUCCESS)
    })
}

fn welcome(url: &str, logins: &[Login]) -> String {
    let rows: Vec<Vec<String>> = logins
        .iter()
        .map(|login| {
            let tenants: Vec<String> =
                login.tenants.iter().map(|tenant| format!("{} of {}", tenant.role, tenant.slug)).collect();
            let what = if login.operator { "operator".to_owned() } else { tenants.join(", ") };
            vec![login.email.to_owned(), what]
        })
        .collect();
    let password = logins.first().map(|login| login.password).unwrap_or_default();
    format!(
        "The demo is at {url}\n\n{}\nEveryone's password: {password}\n\nTry:\n  \
         TOKEN=$(curl -s {url}/api/v1/auth/sign-in -H 'content-type: application/json' \\\n    \
         -d '{{\"email\":\"ada@example.com\",\"password\":\"{password}\"}}' | sed 's/.*\"access_token\":\"\\([^\"]*\\).*/\\1/')\n  \
         curl -s '{url}/api/v1/tenants/acme/records/invoices?status=open&limit=3' -H \"authorization: Bearer $TOKEN\"\n\n\
         Ctrl-C stops it.",
        super::output::table(&["SIGN IN AS", "WHO IS"], &rows)
    )
}
