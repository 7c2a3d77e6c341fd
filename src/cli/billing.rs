//! `tenantry verify billing`.

use super::verify::trusted_key;
use super::verify_files::open;
use super::{Common, Failure, admin};
use crate::model::usage::UsageEvent;
use crate::service::admin::Command;
use crate::service::invoices::{BillingCheck, ExportedInvoice};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use zip::ZipArchive;

/// Longest line: files come from anywhere.
const LONGEST_LINE: u64 = 16 << 20;

/// Recomputes the invoices of the installation.
pub(super) fn verify(common: &Common, tenant: Option<String>) -> Result<ExitCode, Failure> {
    let answer = admin::execute(&admin::quiet(common)?, Command::VerifyBilling { tenant })?;
    admin::print(common, &answer, words);
    Ok(if answer["ok"] == true { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn words(answer: &Value) -> String {
    let tenants = answer["tenants"].as_array().cloned().unwrap_or_default();
    let told = |field: &str| -> Vec<String> {
        let said =
            tenants.iter().filter_map(|tenant| Some((tenant["tenant"].as_str()?, tenant[field].as_str()?)));
        said.map(
            |(tenant, text)| if tenant.is_empty() { text.to_owned() } else { format!("{tenant}: {text}") },
        )
        .collect()
    };
    let (faults, notes) = (told("fault"), told("note"));
    let invoices: i64 = tenants.iter().filter_map(|tenant| tenant["invoices"].as_i64()).sum();
    let mut lines = match faults.len() {
        0 => vec![format!("OK: {invoices} invoices of {} tenants.", tenants.len())],
        _ => vec![format!("DIFFERS:\n  {}", faults.join("\n  "))],
    };
    lines.extend(notes);
    lines.join("\n")
}

/// Recomputes the invoices of an export: of the zip file, or of the directory that it was unpacked into.
pub(super) fn verify_export(
    common: &Common,
    export: &Path,
    key: Option<PathBuf>,
) -> Result<ExitCode, Failure> {
    let (trusted, from) = trusted_key(common, key)?;
    let mut invoices: Vec<ExportedInvoice> = Vec::new();
    each_line(export, "invoices.ndjson", |invoice| invoices.push(invoice))?;
    let count = invoices.len();
    let begun = BillingCheck::begin(invoices, trusted.as_deref());
    let mut check = begun.map_err(|error| Failure::Failed(format!("invoices.ndjson: {}", error.detail())))?;
    if check.needs_events() {
        each_line(export, "usage_events.ndjson", |event: UsageEvent| check.look(&event))?;
        each_line(export, "usage_events.ndjson", |event: UsageEvent| check.take(&event))?;
    }
    let fault = check.finish();
    let answer = json!({ "ok": fault.is_none(), "invoices": count, "fault": fault, "key_from": from });
    admin::print(common, &answer, |_| match &fault {
        None => format!("OK: {count} invoices."),
        Some(fault) => format!("DIFFERS:\n  {fault}"),
    });
    Ok(if fault.is_none() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn each_line<T: DeserializeOwned>(export: &Path, name: &str, act: impl FnMut(T)) -> Result<(), Failure> {
    if export.is_dir() {
        return lines(open(&export.join(name))?, name, act);
    }
    let unreadable = |error: zip::result::ZipError| {
        Failure::Failed(format!("{}: this is no export with {name}: {error}", export.display()))
    };
    let mut zip = ZipArchive::new(open(export)?).map_err(unreadable)?;
    let file = zip.by_name(name).map_err(unreadable)?;
    lines(BufReader::new(file), name, act)
}

fn lines<T: DeserializeOwned>(
    mut from: impl BufRead,
    name: &str,
    mut act: impl FnMut(T),
) -> Result<(), Failure> {
    let (mut line, mut number) = (Vec::new(), 0);
    loop {
        line.clear();
        number += 1;
        let read = from.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
        let broken = |why: String| Failure::Failed(format!("{name} line {number}: {why}"));
        if read.map_err(|error| broken(error.to_string()))? == 0 {
            return Ok(());
        }
        act(serde_json::from_slice(&line).map_err(|error| broken(error.to_string()))?);
    }
}
