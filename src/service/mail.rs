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
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Letters that are written at once after their requests were answered.
const LATER_AT_ONCE: usize = 64;

pub(super) struct Mailer {
    directory: PathBuf,
    base_url: RwLock<String>,
    turns: Arc<Semaphore>,
}

/// One message to be sent.
pub(super) struct Letter {
    /// The address.
    pub(super) to: String,
    /// The subject, without line breaks.
    pub(super) subject: String,
    /// The text.
    pub(super) text: String,
    /// The tenant that it is about, if about one; its erasure removes the file.
    pub(super) about: Option<TenantId>,
}

impl Mailer {
    pub(super) fn new(directory: PathBuf, base_url: String) -> Mailer {
        let turns = Arc::new(Semaphore::new(LATER_AT_ONCE));
        Mailer { directory, base_url: RwLock::new(base_url), turns }
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
        let about = letter.about.map_or_else(|| "account".to_owned(), |tenant| tenant.to_string());
        let name = format!("{:013}-{about}-{}.eml", now.0, crate::id::uuid_v7(now));
        let path = self.directory.join(name);
        let write = move || {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            file.write_all(&message)?;
            Ok(file.sync_all()?)
        };
        match letter.about {
            Some(tenant) => tenancy.unless_fenced(tenant, write).await,
            None => {
                tokio::task::spawn_blocking(write).await.unwrap_or_else(|error| Err(Error::internal(error)))
            }
        }
    }

    /// Tells somebody what has happened to the account already: a letter that cannot be written takes nothing back.
    pub(super) async fn tell(&self, tenancy: &Arc<Tenancy>, letter: Letter, now: Timestamp) {
        if let Err(error) = self.send(tenancy, letter, now).await {
            tracing::error!(error = ?error, "a letter about an account could not be written");
        }
    }

    /// A place among the letters that are written after their request was answered.
    pub(super) fn take_turn(&self) -> Result<OwnedSemaphorePermit> {
        Arc::clone(&self.turns).try_acquire_owned().map_err(|_| {
            Error::unavailable("mail_busy", "Too many letters are being written. Try again shortly.", 2)
        })
    }
}
