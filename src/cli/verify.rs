//! `tenantry verify ..`.

use super::verify_files::{Opened, check_log, open, read_checkpoints};
use super::{Common, Failure, admin};
use crate::http::receipt_page;
use crate::model::receipt::{Receipt, Statement};
use crate::service::admin::Command;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where a key comes from that nobody vouches for.
pub(super) const THE_FILE: &str = "the file itself";

/// What `verify audit` was asked.
pub(super) struct AuditIn {
    pub(super) file: Option<PathBuf>,
    pub(super) tenant: Option<String>,
    pub(super) tenant_id: Option<String>,
    pub(super) checkpoints: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
}

pub(super) fn audit(common: &Common, asked: AuditIn) -> Result<ExitCode, Failure> {
    let Some(file) = &asked.file else { return audit_of_installation(common, asked.tenant) };
    let is_zip = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
    let (trusted, from) = trusted_key(common, asked.key)?;
    let found = if is_zip {
        Opened::open(file)?.check_audit(trusted.as_deref())?
    } else {
        let Some(chain) = asked.tenant_id else {
            return Err(Failure::WrongUse(
                "say which tenant the file is of: --tenant-id ID (it stands in the manifest.json of the export)"
                    .to_owned(),
            ));
        };
        let checkpoints = match asked.checkpoints {
            Some(path) => read_checkpoints(open(&path)?, &path.display().to_string())?,
            None => Vec::new(),
        };
        check_log(&chain, open(file)?, &file.display().to_string(), checkpoints, trusted.as_deref())?
    };
    let mut answer = found.json();
    answer["key_from"] = if found.key.is_some() { from.into() } else { Value::Null };
    admin::print(common, &answer, |_| found.words(from));
    Ok(if found.fault.is_none() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

pub(super) fn export(common: &Common, file: &Path, key: Option<PathBuf>) -> Result<ExitCode, Failure> {
    let (trusted, from) = trusted_key(common, key)?;
    let mut opened = Opened::open(file)?;
    let (files, faults) = opened.check_files()?;
    let audit = opened.check_audit(trusted.as_deref())?;
    let sound = faults.is_empty() && audit.fault.is_none();
    let answer = json!({ "ok": sound, "files": files, "faults": faults, "audit": audit.json() });
    admin::print(common, &answer, |_| {
        let mut lines = match faults.len() {
            0 => vec![format!("OK: {files} files are as the manifest says.")],
            _ => vec![format!("NOT VALID:\n  {}", faults.join("\n  "))],
        };
        lines.push(audit.words(from));
        lines.join("\n")
    });
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn audit_of_installation(common: &Common, tenant: Option<String>) -> Result<ExitCode, Failure> {
    let answer = admin::execute(&admin::quiet(common)?, Command::VerifyAudit { tenant })?;
    admin::print(common, &answer, words);
    Ok(if answer["ok"] == true { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn words(answer: &Value) -> String {
    let chains = answer["chains"].as_array().cloned().unwrap_or_default();
    let faults: Vec<String> = chains
        .iter()
        .filter_map(|chain| Some(format!("{}: {}", chain["chain"].as_str()?, chain["fault"].as_str()?)))
        .collect();
    if faults.is_empty() {
        let entries: i64 = chains.iter().filter_map(|chain| chain["entries"].as_i64()).sum();
        return format!("OK: {entries} entries in {} chains.", chains.len());
    }
    format!("BROKEN:\n  {}", faults.join("\n  "))
}

pub(super) fn receipt(
    common: &Common,
    file: &Path,
    key: Option<PathBuf>,
    html: Option<&Path>,
) -> Result<ExitCode, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))?;
    let receipt: Receipt = serde_json::from_str(&text)
        .map_err(|error| Failure::Failed(format!("{}: this is no receipt: {error}", file.display())))?;
    let (trusted, from) = trusted_key(common, key)?;
    let statement = receipt
        .verify(trusted.as_deref())
        .map_err(|why| Failure::Failed(format!("NOT VALID: this receipt is not to be trusted: {why}")))?;
    if let Some(path) = html {
        let page = receipt_page(&receipt).map_err(Failure::Failed)?;
        std::fs::write(path, page)
            .map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?;
    }
    let answer = json!({ "ok": true, "key": receipt.public_key, "key_from": from, "statement": statement });
    admin::print(common, &answer, |_| describe(&statement, &receipt.public_key, from));
    Ok(ExitCode::SUCCESS)
}

pub(super) fn trusted_key(
    common: &Common,
    key: Option<PathBuf>,
) -> Result<(Option<String>, &'static str), Failure> {
    if let Some(path) = key {
        let key = std::fs::read_to_string(&path)
            .map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?;
        return Ok((Some(key), "the file given"));
    }
    let data = common.load(None)?.data;
    match std::fs::read_to_string(data.join("keys/receipts.pub")) {
        Ok(key) => Ok((Some(key), "the data directory")),
        Err(_) => Ok((None, THE_FILE)),
    }
}

fn describe(statement: &Statement, key: &str, from: &str) -> String {
    let mut lines = vec![
        "OK: the signature is good.".to_owned(),
        format!("Tenant    {}", statement.tenant_id),
        format!("Erased at {}", statement.erased_at),
        format!("Issued at {}", statement.amended_at.as_deref().unwrap_or(&statement.erased_at)),
        format!("By        installation {}", statement.installation),
        format!("Key       {key} (from {from})"),
        "Removed:".to_owned(),
    ];
    lines.extend(
        statement
            .removed
            .iter()
            .map(|store| format!("  {:>6}  {}: {}", store.removed, store.store, store.verified)),
    );
    lines.push("Kept:".to_owned());
    lines.extend(statement.kept.iter().map(|store| format!("          {}: {}", store.store, store.reason)));
    if from == THE_FILE {
        lines.push("Compare the key with the one that the operator published: anyone can sign with a key of their own.".to_owned());
    }
    lines.join("\n")
}
