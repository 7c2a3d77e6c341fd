//! Uploads on their way into the archive: the list of the same moment as the database, and what they hold.

use super::archive::Entries;
use crate::error::{Error, Result};
use crate::id::ContentId;
use crate::tenancy::TenantScope;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;

/// What the manifest says of all uploads together.
#[derive(Default)]
pub(super) struct Uploads {
    count: u64,
    bytes: u64,
    /// Names that were removed or given other content while the archive was being written.
    missing: Vec<String>,
    /// Names whose content is not what was uploaded.
    damaged: Vec<String>,
}

impl Uploads {
    pub(super) fn describe(&self) -> Value {
        json!({ "count": self.count, "bytes": self.bytes, "missing": self.missing, "damaged": self.damaged })
    }
}

/// Writes `files.ndjson`, and each upload under its name below `files/`. Names of uploads are such that none leads out
/// of that directory. Blocks.
pub(super) fn write(
    zip: &mut Entries,
    scope: &TenantScope,
    list: &Path,
    mut done: impl FnMut(u64),
) -> Result<Uploads> {
    let lines = || Ok::<_, Error>(BufReader::new(File::open(list)?).lines());
    let mut total = 0;
    zip.entry("files.ndjson", |out| {
        for line in lines()? {
            let (_, described) = parse(&line?)?;
            serde_json::to_writer(&mut *out, &described)?;
            out.write_all(b"\n")?;
            total += 1;
        }
        Ok(())
    })?;
    let mut uploads = Uploads::default();
    for (number, line) in (1..).zip(lines()?) {
        let (id, described) = parse(&line?)?;
        let text = |name: &str| described.get(name).and_then(Value::as_str).unwrap_or_default();
        let path = text("path").to_owned();
        match scope.open_content_blocking(id)? {
            None => uploads.missing.push(path),
            Some(content) => {
                let name = format!("files/{path}");
                let is_text = text("content_type").starts_with("text/");
                let written = zip.entry_as(&name, is_text, |out| content.copy_to(out))?;
                uploads.count += 1;
                uploads.bytes += written.size;
                if written.sha256 != text("sha256") {
                    tracing::error!(alarm = "file_damaged", tenant_id = %scope.tenant().id, content_id = %id,
                        "an upload is not what it was");
                    uploads.damaged.push(path);
                }
            }
        }
        done(number * 100 / total);
    }
    Ok(uploads)
}

fn parse(line: &str) -> Result<(ContentId, Value)> {
    let (id, described) = line.split_once('\t').unwrap_or_default();
    let id =
        ContentId::parse(id).ok_or_else(|| Error::internal("a line of the list of uploads is no such"))?;
    Ok((id, serde_json::from_str(described)?))
}
