//! Mail. Every letter becomes a file in `data/mail` first. With a mail server it is sent from there in the background and
//! goes when the server has taken it; without one it stays.
//!
//! What tells of an act is posted in the transaction of the act, and becomes a file in the background. What carries
//! a secret that is kept nowhere else becomes a file before the act is answered.

mod delivery;
pub mod mailbox;
mod outbox;
mod page;
mod post;
pub mod preview;
mod spool;
mod templates;
#[cfg(test)]
mod tests;

pub use delivery::{deliver_due, sweep_letters};
pub(in crate::service) use post::tell_that_trial_ends;
pub(super) use post::{MOST_PEOPLE, at_minute, on_day};
pub use post::{post_due, sweep_posted, tell_of_trials};
pub(super) use templates::Templates;

use super::Installation;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::id::TenantId;
use crate::model::letter::Content;
use crate::tenancy::{Tenancy, blocking};
use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use outbox::Outbox;
use spool::{Head, Spool};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, UNIX_EPOCH};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The code of an address that no mail can go to.
const UNWRITABLE: &str = "address_unwritable";
/// Letters that are written at once after their requests were answered.
const LATER_AT_ONCE: usize = 64;

pub(super) struct Mailer {
    spool: Spool,
    templates: Templates,
    from: Mailbox,
    base_url: RwLock<String>,
    turns: Arc<Semaphore>,
    outbox: Option<Outbox>,
}

/// One message to be sent.
pub(super) struct Letter {
    /// The address.
    pub(super) to: String,
    /// Which letter, and what stands in it.
    pub(super) content: Content,
    /// The tenant that it is about, if about one; its erasure removes the file.
    pub(super) about: Option<TenantId>,
}

impl Mailer {
    /// Takes up what an earlier run left to be sent. Blocks.
    pub(super) fn new(
        config: &Config,
        templates: Templates,
        directory: PathBuf,
        now: Timestamp,
    ) -> Result<Mailer> {
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
            templates,
            from,
            base_url: RwLock::new(config.base_url()),
            turns: Arc::new(Semaphore::new(LATER_AT_ONCE)),
            outbox,
        })
    }

    /// Letters that wait for the mail server.
    pub(super) fn waiting(&self) -> usize {
        self.outbox.as_ref().map_or(0, Outbox::waiting)
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
        if self.outbox.as_ref().is_some_and(|outbox| outbox.is_full(&sender_name(letter.about))) {
            return Err(busy());
        }
        let name = file_name(now, letter.about, &crate::id::uuid_v7(now).to_string());
        self.write(tenancy, letter, name, now).await
    }

    /// Writes a letter under a name. One that is there already stays as it is.
    async fn write(
        &self,
        tenancy: &Arc<Tenancy>,
        letter: Letter,
        name: String,
        now: Timestamp,
    ) -> Result<()> {
        let message = self.compose(&letter, now)?;
        let spool = self.spool.clone();
        let head = self.outbox.is_some().then_some(Head { to: letter.to, about: letter.about });
        let write = {
            let name = name.clone();
            move || match head {
                Some(head) => spool.queue(&name, &head, &message),
                None => spool.keep(&name, &message),
            }
        };
        let is_new = match letter.about {
            Some(tenant) => tenancy.unless_fenced(tenant, write).await?,
            None => tokio::task::spawn_blocking(write)
                .await
                .unwrap_or_else(|error| Err(Error::internal(error)))?,
        };
        if let Some(outbox) = self.outbox.as_ref().filter(|_| is_new) {
            outbox.add(name, now);
        }
        Ok(())
    }

    fn compose(&self, letter: &Letter, now: Timestamp) -> Result<Vec<u8>> {
        let unwritable = |_| Error::malformed(UNWRITABLE, "The address cannot be written in a mail.");
        let to: Mailbox = letter.to.parse().map_err(unwritable)?;
        let since = Duration::from_millis(u64::try_from(now.0).unwrap_or_default());
        let id = format!("<{}@{}>", crate::id::uuid_v7(now), self.from.email.domain());
        let rendered = self.templates.render(&letter.content, &self.url(""))?;
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(rendered.subject)
            .date(UNIX_EPOCH + since)
            .message_id(Some(id))
            .multipart(MultiPart::alternative_plain_html(rendered.text, rendered.html))
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

/// How it stands with letters.
pub(super) struct MailState {
    /// Whether a mail server is set.
    pub(super) sends: bool,
    /// Letters that wait for it.
    pub(super) waiting: usize,
    /// When the oldest of them was written.
    pub(super) oldest: Option<Timestamp>,
    /// How often in a row the server itself failed.
    pub(super) failures: u32,
    /// Letters that no server took.
    pub(super) given_up: usize,
}

/// How it stands with letters now.
///
/// # Errors
/// The disk refuses.
pub(super) async fn state(installation: &Installation) -> Result<MailState> {
    let mailer = &installation.mailer;
    let spool = mailer.spool.clone();
    let (waiting, given_up) = blocking(move || Ok((spool.waiting()?, spool.given_up()?.len()))).await?;
    Ok(MailState {
        sends: mailer.sends(),
        oldest: waiting.first().and_then(|name| spool::written_at(name)),
        waiting: waiting.len(),
        failures: mailer.outbox.as_ref().map_or(0, Outbox::server_failures),
        given_up,
    })
}

/// Whose letter it is, as the names of files say it: letters about accounts are one sender.
fn sender_name(about: Option<TenantId>) -> String {
    about.map_or_else(|| spool::ACCOUNT.to_owned(), |tenant| tenant.to_string())
}

fn file_name(at: Timestamp, about: Option<TenantId>, id: &str) -> String {
    format!("{:013}-{}-{id}", at.0, sender_name(about))
}

fn busy() -> Error {
    Error::unavailable("mail_busy", "Too many letters are waiting. Try again shortly.", 2)
}
