//! `tenantry verify ..`.

use super::{Common, Failure, admin};
use crate::model::audit::{AuditEntry, ChainCheck};
use crate::model::receipt::{Receipt, Statement};
use crate::service::admin::Command;
use serde_json::{Value, json};
use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(super) fn audit(
    common: &Common,
    file: Option<PathBuf>,
    tenant_id: Option<String>,
) -> Result<ExitCode, Failure> {
    let Some(file) = file else { return audit_of_installation(common) };
    let Some(chain) = tenant_id else {
        return Err(Failure::WrongUse(
            "say which tenant the file is of: --tenant-id ID (it stands in the manifest.json of the export)"
                .to_owned(),
        ));
    };
    let mut check = ChainCheck::new(&chain);
    for (number, line) in std::io::BufReader::new(std::fs::File::open(&file)?).lines().enumerate() {
        let entry: AuditEntry = serde_json::from_str(&line?)
            .map_err(|error| Failure::Failed(format!("{}:{}: {error}", file.display(), number + 1)))?;
        check.take(&entry).map_err(Failure::Failed)?;
    }
    let (entries, head) = check.head();
    let answer = json!({ "ok": true, "entries": entries, "head": head });
    admin::print(common, &answer, |_| {
        format!("OK: {entries} entries, each continues the one before. Head: {head}")
    });
    Ok(ExitCode::SUCCESS)
}

fn audit_of_installation(common: &Common) -> Result<ExitCode, Failure> {
    let answer = admin::execute(&admin::quiet(common)?, Command::VerifyAudit)?;
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

pub(super) fn receipt(common: &Common, file: &Path, key: Option<PathBuf>) -> Result<ExitCode, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))?;
    let receipt: Receipt = serde_json::from_str(&text)
        .map_err(|error| Failure::Failed(format!("{}: this is no receipt: {error}", file.display())))?;
    let (trusted, from) = trusted_key(common, key)?;
    let statement =
        receipt.verify(trusted.as_deref()).map_err(|why| Failure::Failed(format!("NOT VALID: {why}")))?;
    let answer = json!({ "ok": true, "key": receipt.public_key, "key_from": from, "statement": statement });
    admin::print(common, &answer, |_| describe(&statement, &receipt.public_key, from));
    Ok(ExitCode::SUCCESS)
}

fn trusted_key(common: &Common, key: Option<PathBuf>) -> Result<(Option<String>, &'static str), Failure> {
    if let Some(path) = key {
        let key = std::fs::read_to_string(&path)
            .map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?;
        return Ok((Some(key), "the file given"));
    }
    let data = common.load(None)?.data;
    match std::fs::read_to_string(data.join("keys/receipts.pub")) {
        Ok(key) => Ok((Some(key), "the data directory")),
        Err(_) => Ok((None, "the receipt itself")),
    }
}

fn describe(statement: &Statement, key: &str, from: &str) -> String {
    let mut lines = vec![
        "OK: the signature is good.".to_owned(),
        format!("Tenant    {}", statement.tenant_id),
        format!("Erased at {}", statement.erased_at),
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
    if from == "the receipt itself" {
        lines.push("Compare the key with the one that the operator published: anyone can sign with a key of their own.".to_owned());
    }
    lines.join("\n")
}
