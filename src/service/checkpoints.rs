//! Signed checkpoints of audit chains: in the catalog, and in a ledger beside the backups, which a catalog that was cut
//! or taken back to an older state does not take along.

use super::Installation;
use crate::catalog::{CatalogTx, HeadSigned};
use crate::clock::{DAY, Timestamp};
use crate::error::Result;
use crate::model::checkpoint::{Checkpoint, FORMAT, Head};
use crate::tenancy::blocking;
use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Chains that are signed in one transaction.
const BATCH: u32 = 32;
/// Checkpoints that are written to the ledger with one fsync.
const LINES: u32 = 500;
/// Chains that one transaction drops old entries of.
const CHAINS: u32 = 16;
/// Chains that are signed at the end; what is left waits for the next start.
const MOST_AT_THE_END: usize = 10_000;
/// Longest line of the ledger that is one of ours.
const LONGEST_LINE: u64 = 64 << 10;

/// Signs the heads that are due.
///
/// # Errors
/// As catalog and disk say.
pub async fn sign_due(installation: &Installation) -> Result<()> {
    sign(installation, installation.clock.now(), usize::MAX).await
}

/// Signs all heads: at the end, nobody is there to do it in time.
pub(super) async fn sign_all(installation: &Installation) -> Result<()> {
    sign(installation, Timestamp(i64::MAX), MOST_AT_THE_END).await
}

async fn sign(installation: &Installation, until: Timestamp, most: usize) -> Result<()> {
    let _turn = installation.signing.lock().await;
    let mut signed = 0;
    let mut broken: Vec<String> = Vec::new();
    while signed < most {
        let chains = installation.catalog.read(move |tx| tx.list_audit_unsigned(until, BATCH)).await?;
        // One that cannot be signed is put off, which does not help where everything is due.
        let chains: Vec<String> = chains.into_iter().filter(|chain| !broken.contains(chain)).collect();
        if chains.is_empty() {
            break;
        }
        signed += chains.len();
        for (chain, outcome) in sign_heads(installation, chains).await? {
            match outcome {
                HeadSigned::Done => {}
                HeadSigned::NotYet => broken.push(chain),
                HeadSigned::Broken(why) => {
                    tracing::error!(chain, why, "an audit log was tampered with and is not signed");
                    broken.push(chain);
                }
            }
        }
    }
    write_ledger(installation).await
}

/// Signs the head of one chain now.
pub(super) async fn sign_chain(installation: &Installation, chain: String) -> Result<()> {
    let _turn = installation.signing.lock().await;
    sign_heads(installation, vec![chain]).await?;
    write_ledger(installation).await
}

async fn sign_heads(installation: &Installation, chains: Vec<String>) -> Result<Vec<(String, HeadSigned)>> {
    let (key, issuer) = (installation.keys.receipts().clone(), installation.id.clone());
    installation
        .catalog
        .write("sign_audit_heads", move |tx| {
            let now = tx.now().to_string();
            chains
                .iter()
                .map(|chain| {
                    let outcome = tx.sign_audit_head(chain, |seq, hash| {
                        let head = Head {
                            format: FORMAT.to_owned(),
                            installation: issuer.clone(),
                            chain: chain.clone(),
                            seq,
                            hash: hash.to_owned(),
                            at: now.clone(),
                        };
                        Ok(serde_json::to_string(&Checkpoint::sign(&head, &key)?)?)
                    })?;
                    Ok((chain.clone(), outcome))
                })
                .collect()
        })
        .await
}

async fn write_ledger(installation: &Installation) -> Result<()> {
    loop {
        let lines = installation.catalog.read(|tx| tx.list_checkpoints_to_write(LINES)).await?;
        if lines.is_empty() {
            return Ok(());
        }
        let path = installation.tenancy.layout().checkpoint_ledger();
        let lines = blocking(move || {
            append(&path, lines.iter().map(|(_, _, text)| text.as_str()))?;
            Ok(lines)
        })
        .await?;
        installation
            .catalog
            .write("note_checkpoints", move |tx| {
                lines.iter().try_for_each(|(chain, seq, _)| tx.checkpoint_is_written(chain, *seq))
            })
            .await?;
    }
}

/// Appends lines; on disk when it returns. A line that a crash cut off is ended first.
pub(super) fn append<'t>(path: &Path, lines: impl Iterator<Item = &'t str>) -> Result<()> {
    let mut file = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path)?;
    let mut text = String::new();
    if file.metadata()?.len() > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            text.push('\n');
        }
    }
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    crate::fault::step();
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    crate::fault::step();
    if let Some(directory) = path.parent() {
        std::fs::File::open(directory)?.sync_all()?;
    }
    Ok(())
}

/// Drops entries that are older than the settings keep them, up to a checkpoint; a chain at most once a day.
///
/// # Errors
/// As the catalog says.
pub async fn drop_old_entries(installation: &Installation) -> Result<()> {
    let days = i64::from(installation.config.audit_days);
    if days == 0 {
        return Ok(());
    }
    let before = installation.clock.now().plus(-days * DAY);
    while installation
        .catalog
        .write("drop_old_audit_entries", move |tx| tx.drop_old_audit_entries(before, CHAINS))
        .await?
        == CHAINS as usize
    {}
    sign_due(installation).await
}

/// Checkpoints in the ledger that the catalog should have and has not, by chain; the second is how many lines are no
/// checkpoints.
pub(super) async fn missing_from_catalog(
    installation: &Installation,
) -> Result<(HashMap<String, Vec<Checkpoint>>, usize)> {
    let mut reader = Some(LedgerReader::open(installation.tenancy.layout().checkpoint_ledger()));
    let mut missing: HashMap<String, Vec<Checkpoint>> = HashMap::new();
    let mut unreadable = 0;
    while let Some(mut opened) = reader.take() {
        let (page, opened) = blocking(move || Ok((opened.page()?, opened))).await?;
        if page.is_empty() {
            break;
        }
        reader = Some(opened);
        let found = installation.catalog.read(move |tx| unknown(tx, &page)).await?;
        for line in found {
            match line {
                Some((chain, checkpoint)) => missing.entry(chain).or_default().push(checkpoint),
                None => unreadable += 1,
            }
        }
    }
    Ok((missing, unreadable))
}

fn unknown(tx: &CatalogTx<'_>, lines: &[String]) -> Result<Vec<Option<(String, Checkpoint)>>> {
    let mut found = Vec::new();
    for line in lines {
        let read = serde_json::from_str::<Checkpoint>(line).ok().and_then(|checkpoint| {
            Some((serde_json::from_str::<Head>(&checkpoint.statement).ok()?, checkpoint))
        });
        match read {
            None => found.push(None),
            Some((head, checkpoint)) if tx.misses_checkpoint(&head.chain, head.seq, line)? => {
                found.push(Some((head.chain, checkpoint)));
            }
            Some(_) => {}
        }
    }
    Ok(found)
}

struct LedgerReader {
    path: PathBuf,
    file: Option<BufReader<std::fs::File>>,
}

impl LedgerReader {
    fn open(path: PathBuf) -> LedgerReader {
        LedgerReader { path, file: None }
    }

    /// The next lines; none at the end.
    fn page(&mut self) -> Result<Vec<String>> {
        let file = match &mut self.file {
            Some(file) => file,
            None => match std::fs::File::open(&self.path) {
                Ok(file) => self.file.insert(BufReader::new(file)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(error.into()),
            },
        };
        let mut lines = Vec::new();
        while lines.len() < LINES as usize {
            let mut line = Vec::new();
            if file.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
                break;
            }
            lines.push(String::from_utf8_lossy(&line).trim_end().to_owned());
        }
        Ok(lines)
    }
}
