//! `tenantry openapi`: documents about the app's tables, without a server.

use super::{Common, Failure};
use crate::http::{Audience, tables_document, typescript};
use crate::policy::OWNER;
use crate::tenancy::App;
use serde_json::json;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Where the tables of a tenant are, with its slug or id to be filled in.
const SERVER: &str = "/api/v1/tenants/{tenant}";

pub(super) fn run(common: &Common, types: bool, out: Option<PathBuf>) -> Result<ExitCode, Failure> {
    let config = common.load(None)?;
    crate::telemetry::start(&config).map_err(Failure::WrongUse)?;
    let app = App::load(config.app.as_deref()).map_err(|error| Failure::Failed(error.to_string()))?;
    let schema = app.read_schema()?;
    let permissions = app.roles.permissions(OWNER);
    let rights = |table: &str| app.roles.lines().rights(table, (Some(OWNER), permissions));
    let tables = schema.tables().map(|table| (table.as_ref(), rights(&table.name)));
    let audience = Audience::new(permissions, tables);
    let text = if types {
        typescript(&app.name, &audience)
    } else {
        let document = tables_document(&app.name, SERVER, &audience);
        let text = serde_json::to_string_pretty(&document);
        text.map_err(|error| Failure::Failed(error.to_string()))? + "\n"
    };
    match out {
        None => std::io::stdout().write_all(text.as_bytes())?,
        Some(path) => {
            let shown = path.display().to_string();
            std::fs::write(&path, text).map_err(|error| Failure::Failed(format!("{shown}: {error}")))?;
            if common.json {
                println!("{}", json!({ "out": shown }));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
