//! `tenantry doctor`: through the server if one runs, else on the directory itself.

use super::{Common, Failure, admin};
use crate::service::admin::Command;
use serde_json::Value;
use std::process::ExitCode;

pub(super) fn run(common: &Common) -> Result<ExitCode, Failure> {
    let answer = admin::execute(&admin::quiet(common)?, Command::Doctor)?;
    admin::print(common, &answer, words);
    Ok(if answer["ok"] == true { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn words(answer: &Value) -> String {
    let findings = answer["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let mut lines = Vec::new();
    for finding in findings {
        let level = text(finding, "level");
        lines.push(format!(
            "{:8} {}: {}",
            level.to_uppercase(),
            text(finding, "check"),
            text(finding, "about")
        ));
        if finding["advice"].is_string() {
            lines.push(format!("{:8} -> {}", "", text(finding, "advice")));
        }
    }
    let of = |level: &str| findings.iter().filter(|finding| finding["level"] == level).count();
    lines.push(match (of("fault"), of("warning")) {
        (0, 0) => "\nNothing is wrong.".to_owned(),
        (faults, warnings) => format!("\nFaults: {faults}. Warnings: {warnings}."),
    });
    lines.join("\n")
}
