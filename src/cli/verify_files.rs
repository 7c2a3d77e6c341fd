//! The files that `tenantry verify` reads: nothing but them is needed.

use super::Failure;
use super::verify::THE_FILE;
use crate::model::audit::AuditEntry;
use crate::model::checkpoint::{Checkpoint, SignedChainCheck};
use crate::model::hex::hex;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use zip::ZipArchive;

/// Longest line of a log, and most bytes of a manifest: files come from anywhere.
const LONGEST_LINE: u64 = 1 << 20;
const LARGEST_MANIFEST: u64 = 256 << 20;

/// What a log was found to be.
pub(super) struct Found {
    entries: i64,
    head: String,
    signed_to: Option<i64>,
    /// With which the checkpoints are signed.
    pub(super) key: Option<String>,
    /// What is wrong, if anything is.
    pub(super) fault: Option<String>,
}

impl Found {
    pub(super) fn json(&self) -> Value {
        json!({
            "ok": self.fault.is_none(), "entries": self.entries, "head": self.head, "signed_to": self.signed_to,
            "key": self.key, "fault": self.fault,
        })
    }

    pub(super) fn words(&self, key_from: &str) -> String {
        if let Some(fault) = &self.fault {
            return format!("BROKEN: audit log: {fault}");
        }
        let mut text =
            format!("OK: {} audit entries, each continues the one before. Head: {}", self.entries, self.head);
        match (self.signed_to, &self.key) {
            (Some(seq), Some(key)) => {
                let signed = format!("\nSigned up to entry {seq} with the key {key} (from {key_from}).");
                text.push_str(&signed);
                if key_from == THE_FILE {
                    text.push_str(
                        "\nCompare the key with the one that the operator published: anyone can sign with a key of their own.",
                    );
                }
            }
            _ => text.push_str(
                "\nNo checkpoint vouches for it: whoever could write the file could write it anew.",
            ),
        }
        text
    }
}

pub(super) fn open(path: &Path) -> Result<BufReader<File>, Failure> {
    let file = File::open(path).map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?;
    Ok(BufReader::new(file))
}

/// Lines of JSON, one after the other.
fn each_line<T: serde::de::DeserializeOwned>(
    mut from: impl BufRead,
    name: &str,
    mut act: impl FnMut(T) -> bool,
) -> Result<(), Failure> {
    for number in 1.. {
        let mut line = Vec::new();
        let read = from.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
        if read.map_err(|error| Failure::Failed(format!("{name}:{number}: {error}")))? == 0 {
            break;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let item = serde_json::from_slice(&line)
            .map_err(|error| Failure::Failed(format!("{name}:{number}: {error}")))?;
        if !act(item) {
            break;
        }
    }
    Ok(())
}

pub(super) fn read_checkpoints(from: impl BufRead, name: &str) -> Result<Vec<Checkpoint>, Failure> {
    let mut all = Vec::new();
    each_line(from, name, |checkpoint| {
        all.push(checkpoint);
        true
    })?;
    Ok(all)
}

/// Checks a log. It may begin after its first entry if a checkpoint vouches for what was before.
pub(super) fn check_log(
    chain: &str,
    entries: impl BufRead,
    name: &str,
    checkpoints: Vec<Checkpoint>,
    trusted: Option<&str>,
) -> Result<Found, Failure> {
    let key = checkpoints.first().map(|checkpoint| checkpoint.public_key.clone());
    // One key has signed them all, trusted or not.
    let trusted = trusted.or(key.as_deref()).map(str::to_owned);
    let mut found = Found { entries: 0, head: String::new(), signed_to: None, key, fault: None };
    let mut check = None;
    let mut waiting = Some(checkpoints);
    each_line(entries, name, |entry: AuditEntry| {
        if let Some(checkpoints) = waiting.take() {
            match SignedChainCheck::new(chain, entry.seq - 1, checkpoints, trusted.as_deref()) {
                Ok(begun) => check = Some(begun),
                Err(fault) => found.fault = Some(fault),
            }
        }
        let Some(check) = &mut check else { return false };
        found.fault = check.take(&entry).err();
        found.entries += i64::from(found.fault.is_none());
        found.fault.is_none()
    })?;
    if let Some(checkpoints) = waiting.take()
        && !checkpoints.is_empty()
    {
        found.fault = Some("all entries are missing, though some were signed".to_owned());
    }
    if let Some(check) = &check {
        check.head().1.clone_into(&mut found.head);
        found.signed_to = check.last_signed();
        found.fault = found.fault.or_else(|| check.finish().err());
    }
    Ok(found)
}

/// An export, open.
pub(super) struct Opened {
    zip: ZipArchive<BufReader<File>>,
    manifest: Value,
}

impl Opened {
    pub(super) fn open(path: &Path) -> Result<Opened, Failure> {
        let not_one = |why: String| Failure::Failed(format!("{}: this is no export: {why}", path.display()));
        let mut zip = ZipArchive::new(open(path)?).map_err(|error| not_one(error.to_string()))?;
        let manifest = zip.by_name("manifest.json").map_err(|error| not_one(error.to_string()))?;
        let manifest: Value = serde_json::from_reader(manifest.take(LARGEST_MANIFEST))
            .map_err(|error| not_one(error.to_string()))?;
        if manifest["format"] != "tenantry.export.v1" {
            return Err(not_one("its manifest is of another format".to_owned()));
        }
        Ok(Opened { zip, manifest })
    }

    /// Holds every file against the manifest, and says how many there are and what is wrong.
    pub(super) fn check_files(&mut self) -> Result<(usize, Vec<String>), Failure> {
        let listed = self.manifest["files"].as_array().cloned().unwrap_or_default();
        let mut expected: BTreeMap<&str, &Value> =
            listed.iter().filter_map(|file| Some((file["path"].as_str()?, file))).collect();
        let mut faults = Vec::new();
        for index in 0..self.zip.len() {
            let mut file = self.zip.by_index(index).map_err(unreadable)?;
            let name = file.name().map_err(unreadable)?.into_owned();
            if name == "manifest.json" {
                continue;
            }
            let Some(entry) = expected.remove(name.as_str()) else {
                faults.push(format!("{name} is not in the manifest"));
                continue;
            };
            let mut digest = Digesting(Sha256::new());
            match std::io::copy(&mut file, &mut digest) {
                Err(error) => faults.push(format!("{name} cannot be read: {error}")),
                Ok(_) if entry["sha256"] != hex(&digest.0.finalize()) => {
                    faults.push(format!("{name} is not as it was exported"));
                }
                Ok(_) => {}
            }
        }
        faults.extend(expected.keys().map(|name| format!("{name} is missing")));
        Ok((listed.len(), faults))
    }

    pub(super) fn check_audit(&mut self, trusted: Option<&str>) -> Result<Found, Failure> {
        let chain = self.manifest["tenant"]["id"].as_str().unwrap_or_default().to_owned();
        let checkpoints = self.zip.by_name("audit-checkpoints.ndjson").map_err(unreadable)?;
        let checkpoints = read_checkpoints(BufReader::new(checkpoints), "audit-checkpoints.ndjson")?;
        let entries = self.zip.by_name("audit.ndjson").map_err(unreadable)?;
        check_log(&chain, BufReader::new(entries), "audit.ndjson", checkpoints, trusted)
    }
}

struct Digesting(Sha256);

impl std::io::Write for Digesting {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn unreadable(error: zip::result::ZipError) -> Failure {
    Failure::Failed(format!("the export cannot be read: {error}"))
}
