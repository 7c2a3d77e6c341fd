//! Mail. Without a server for it, every message becomes a file in `data/mail`.

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::tenancy::Tenancy;
use lettre::Message;
use lettre::message::Mailbox;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

pub(super) struct Mailer {
    directory: PathBuf,
    base_url: RwLock<String>,
}

/// One message to be sent.
pub(super) struct Letter {
    /// The address.
    pub(super) to: String,
    /// The subject, without line breaks.
    pub(super) subject: String,
    /// The text.
    pub(super) text: String,
    /// The tenant that it is about; its erasure removes the file.
    pub(super) about: TenantId,
}

impl Mailer {
    pub(super) fn new(directory: PathBuf, base_url: String) -> Mailer {
        Mailer { directory, base_url: RwLock::new(base_url) }
    }

    /// A link into the UI. It comes from the configured URL, never from what a request calls our host. A secret goes
    /// behind `#`, where neither logs nor other sites see it.
    pub(super) fn link(&self, path: &str, token: &str) -> String {
        let base_url = self.base_url.read().unwrap_or_else(PoisonError::into_inner);
        format!("{base_url}{path}#token={token}")
    }

    /// Where this server really listens, once it does; for links where no public URL is configured.
    pub(super) fn reached_at(&self, url: String) {
        *self.base_url.write().unwrap_or_else(PoisonError::into_inner) = url;
    }

    /// Writes the message, unless the tenant that it is about is being erased: the erasure has looked for mail already.
    pub(super) async fn send(&self, tenancy: &Arc<Tenancy>, letter: Letter, now: Timestamp) -> Result<()> {
        let from: Mailbox = "Tenantry <no-reply@tenantry.invalid>".parse().map_err(Error::internal)?;
        let to: Mailbox = letter.to.parse().map_err(Error::internal)?;
        let message = Message::builder()
            .from(from)
            .to(to)
            .subject(letter.subject)
            .body(letter.text)
            .map_err(Error::internal)?
            .formatted();
        let name = format!("{:013}-{}-{}.eml", now.0, letter.about, crate::id::uuid_v7(now));
        let path = self.directory.join(name);
        let write = move || {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            file.write_all(&message)?;
            Ok(file.sync_all()?)
        };
        tenancy.unless_fenced(letter.about, write).await
    }
}
