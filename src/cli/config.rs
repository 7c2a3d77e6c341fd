//! `tenantry config check|show`.

use super::{Common, Failure, output};
use crate::config::Config;
use crate::tenancy::App;
use serde_json::json;
use std::process::ExitCode;

pub(super) fn check(common: &Common) -> Result<ExitCode, Failure> {
    let config = common.load(None)?;
    crate::telemetry::start(&config).map_err(Failure::WrongUse)?;
    let app = App::load(config.app.as_deref()).map_err(|error| Failure::Failed(error.to_string()))?;
    let migrations = app.check_migrations()?;
    if common.json {
        println!("{}", json!({ "ok": true, "app": app.name, "migrations": migrations }));
    } else {
        println!(
            "The settings are fine. All migrations of the app {:?} work; it has {migrations}.",
            app.name
        );
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn show(common: &Common, sample: bool) -> Result<ExitCode, Failure> {
    if sample {
        print!("{}", Config::sample());
        return Ok(ExitCode::SUCCESS);
    }
    let settings = common.load(None)?.describe();
    if common.json {
        println!("{}", json!({ "settings": settings }));
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = settings
        .iter()
        .map(|setting| {
            let source = serde_json::to_value(setting.source).ok();
            let source = source.and_then(|source| source.as_str().map(str::to_owned)).unwrap_or_default();
            vec![setting.name.to_owned(), setting.value.to_string(), source, setting.about.to_owned()]
        })
        .collect();
    print!("{}", output::table(&["SETTING", "VALUE", "FROM", "WHAT IT MEANS"], &rows));
    Ok(ExitCode::SUCCESS)
}
