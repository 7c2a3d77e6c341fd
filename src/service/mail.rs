//! Mail. Every letter becomes a file in `data/mail` first. With a mail server it is sent from there in the background and
//! goes when the server has taken it; without one it stays.

mod delivery;
mod outbox;
mod spool;

pub use delivery::{deliver_due, sweep_undelivered};

use crate::clock::Timestamp;
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::id::TenantId;
use crate::tenancy::Tenancy;
use lettre::Message;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use outbox::Outbox;
use spool::{Head, Spool};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, UNIX_EPOCH};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Letters that are written at once after their requests were answered.
const LATER_AT_ONCE: usize = 64;

pub(super) struct Mailer {
    spool: Spool,
    from: Mailbox,
    base_url: RwLock<String>,
    turns: Arc<Semaphore>,
    outbox: Option<Outbox>,
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
    /// Takes up what an earlier run left to be sent. Blocks.
    pub(super) fn new(config: &Config, directory: PathBuf, now: Timestamp) -> Result<Mailer> {
        let from = config.mail_from.as_deref().unwrap_or("Tenantry <no-reply@tenantry.invalid>");
        let from: Mailbox = from.parse().map_err(|error| {
            Error::new(Kind::Malformed, "mail_from_invalid", format!("mail_from = {from}: {error}"))
        })?;
        let spool = Spool::new(directory);
        let waiting = spool.waiting()?;
        let outbox = Outbox::new(config, &from, waiting.clone(), now)?;
        if outbox.is_none() && !waiting.is_empty() {
            tracing::warn!(letters = waiting.len(), "letters wait for a mail server, and none is set");
        }
        Ok(Mailer {
            spool,
            from,
            base_url: RwLock::new(config.base_url()),
            turns: Arc::new(Semaphore::new(LATER_AT_ONCE)),
            outbox,
        })
    }

    /// Whether letters reach people by themselves.
    pub(super) fn sends(&self) -> bool {
        self.outbox.is_some()
    }

    /// A link into the UI. It comes from the configured URL, never from what a request calls our host. A secret goes
    /// behind `#`, where neither logs nor other sites see it.
    pub(super) fn link(&self, path: &str, token: &str) -> String {
        let base_url = self.base_url.read().unwrap_or_else(PoisonError::into_inner);
        format!("{base_url}{path}#token={token}")
    }

    /// A URL that leads to this server.
    pub(super) fn url(&self, path: &str) -> String {
        let base_url = self.base_url.read().unwrap_or_else(PoisonError::into_inner);
        format!("{base_url}{path}")
    }

    /// Where this server really listens, once it does; for links where no public URL is configured.
    pub(super) fn reached_at(&self, url: String) {
        *self.base_url.write().unwrap_or_else(PoisonError::into_inner) = url;
    }

    /// Writes the message, unless the tenant that it is about is being erased: the erasure has looked for mail already.
    /// It is on disk when this returns; a mail server gets it after that.
    pub(super) async fn send(&self, tenancy: &Arc<Tenancy>, letter: Letter, now: Timestamp) -> Result<()> {
        if self.outbox.as_ref().is_some_and(Outbox::is_full) {
            return Err(busy());
        }
        let message = self.compose(&letter, now)?;
        let about = letter.about.map_or_else(|| "account".to_owned(), |tenant| tenant.to_string());
        let name = format!("{:013}-{about}-{}", now.0, crate::id::uuid_v7(now));
        let spool = self.spool.clone();
        let head = self.outbox.is_some().then_some(Head { to: letter.to, about: letter.about });
        let write = {
            let name = name.clone();
            move || match head {
                Some(head) => spool.queue(&name, &head, &message),
                None => spool.keep(&name, &message),
            }
        };
        match letter.about {
            Some(tenant) => tenancy.unless_fenced(tenant, write).await?,
            None => {
                tokio::task::spawn_blocking(write)
                    .await
                    .unwrap_or_else(|error| Err(Error::internal(error)))?;
            }
        }
        if let Some(outbox) = &self.outbox {
            outbox.add(name, now);
        }
        Ok(())
    }

    fn compose(&self, letter: &Letter, now: Timestamp) -> Result<Vec<u8>> {
        let to: Mailbox = letter.to.parse().map_err(Error::internal)?;
        let since = Duration::from_millis(u64::try_from(now.0).unwrap_or_default());
        let id = format!("<{}@{}>", crate::id::uuid_v7(now), self.from.email.domain());
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(letter.subject.clone())
            .date(UNIX_EPOCH + since)
            .message_id(Some(id))
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text.clone())
            .map_err(Error::internal)?;
        // No answers of machines to machines (RFC 3834).
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        message.headers_mut().insert_raw(HeaderValue::new(automatic, "auto-generated".to_owned()));
        Ok(message.formatted())
    }

    /// Tells somebody what has happened to the account already: a letter that cannot be written takes nothing back.
    pub(super) async fn tell(&self, tenancy: &Arc<Tenancy>, letter: Letter, now: Timestamp) {
        if let Err(error) = self.send(tenancy, letter, now).await {
            tracing::error!(error = ?error, "a letter about an account could not be written");
        }
    }

    /// A place among the letters that are written after their request was answered.
    pub(super) fn take_turn(&self) -> Result<OwnedSemaphorePermit> {
        Arc::clone(&self.turns).try_acquire_owned().map_err(|_| busy())
    }
}

fn busy() -> Error {
    Error::unavailable("mail_busy", "Too many letters are waiting. Try again shortly.", 2)
}
