//! `tenantry usage ..` and `tenantry verify usage`: through the server if one runs, else on the directory itself.

use super::{Common, Failure, admin};
use crate::service::admin::Command;
use serde_json::Value;
use std::process::ExitCode;

pub(super) fn rebuild(common: &Common, tenant: Option<String>) -> Result<ExitCode, Failure> {
    let answer = admin::execute(&admin::quiet(common)?, Command::UsageRebuild { tenant })?;
    admin::print(common, &answer, |answer| {
        format!("Made anew: {} of {}.", count(events(answer), "event"), tenants(answer))
    });
    Ok(ExitCode::SUCCESS)
}

pub(super) fn verify(common: &Common, tenant: Option<String>) -> Result<ExitCode, Failure> {
    let answer = admin::execute(&admin::quiet(common)?, Command::VerifyUsage { tenant })?;
    admin::print(common, &answer, |answer| {
        let each = answer["tenants"].as_array().into_iter().flatten();
        let faults: Vec<String> = each
            .filter_map(|found| Some(format!("{}: {}", found["tenant"].as_str()?, found["fault"].as_str()?)))
            .collect();
        if faults.is_empty() {
            return format!("OK: {} of {}.", count(events(answer), "event"), tenants(answer));
        }
        format!("BROKEN:\n  {}", faults.join("\n  "))
    });
    Ok(if answer["ok"] == true { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn events(answer: &Value) -> i64 {
    answer["tenants"].as_array().into_iter().flatten().filter_map(|found| found["events"].as_i64()).sum()
}

fn tenants(answer: &Value) -> String {
    let number = answer["tenants"].as_array().map_or(0, Vec::len);
    count(i64::try_from(number).unwrap_or(i64::MAX), "tenant")
}

fn count(number: i64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
