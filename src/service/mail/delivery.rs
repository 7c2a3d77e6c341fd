//! Sending what waits. A letter goes from the disk when the server has taken it: one that is sent in the moment of a crash
//! may come twice, none is lost.

use super::outbox::{Due, Outbox};
use super::spool::Head;
use crate::clock::DAY;
use crate::error::{Error, Kind, Result};
use crate::id::TenantId;
use crate::service::Installation;
use futures_util::future::join_all;
use lettre::AsyncTransport as _;
use lettre::address::Envelope;
use lettre::transport::smtp::Error as SmtpError;
use std::time::Duration;

/// Letters that are sent at once.
const AT_ONCE: usize = 4;
/// For all of the talk about one letter.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long letters that were given up are kept for the operator.
const KEPT: i64 = 30 * DAY;
/// How long letters stay where no mail server is set, and how many.
const STAYS: i64 = 90 * DAY;
const MOST_STAY: usize = 20_000;
/// Answers that speak of us and not of the letter: we may not sign in, or not yet (RFC 4954, section 6).
const ABOUT_US: &[u16] = &[530, 534, 535, 538];

/// What came of a try.
enum Sent {
    Taken,
    /// The server does not want this letter, ever.
    Refused(String),
    /// Not now.
    Later(String),
    /// The server cannot be reached, or will not talk to us.
    NoServer(String),
}

impl Installation {
    /// Waits until a letter was written; for ever where no mail server is set.
    pub async fn mail_arrives(&self) {
        match &self.mailer.outbox {
            Some(outbox) => outbox.arrived.notified().await,
            None => std::future::pending().await,
        }
    }
}

/// Sends the letters that are due. Nothing of what is in them is logged.
///
/// # Errors
/// The disk refuses.
pub async fn deliver_due(installation: &Installation) -> Result<()> {
    let Some(outbox) = &installation.mailer.outbox else { return Ok(()) };
    loop {
        let due = outbox.take_due(installation.clock.now(), AT_ONCE);
        if due.is_empty() {
            return Ok(());
        }
        let done = join_all(due.into_iter().map(|due| deliver(installation, outbox, due))).await;
        done.into_iter().collect::<Result<()>>()?;
    }
}

async fn deliver(installation: &Installation, outbox: &Outbox, due: Due) -> Result<()> {
    let (spool, name) = (installation.mailer.spool.clone(), due.name.clone());
    let read = tokio::task::spawn_blocking(move || spool.read(&name)).await.map_err(Error::internal)?;
    let (head, message) = match read {
        Ok(Some(letter)) => letter,
        Ok(None) => return Ok(()),
        Err(error) => {
            tracing::error!(letter = due.name, error = ?error, "a letter cannot be read and is put aside");
            return put_aside(installation, due.name, None).await;
        }
    };
    let sent = match tokio::time::timeout(PATIENCE, send(outbox, &head, &message)).await {
        Ok(sent) => sent,
        Err(_) => Sent::NoServer("the mail server takes too long".to_owned()),
    };
    let name = due.name.clone();
    let (why, is_server) = match sent {
        Sent::Taken => {
            outbox.server_works();
            let spool = installation.mailer.spool.clone();
            return tokio::task::spawn_blocking(move || spool.remove(&name))
                .await
                .map_err(Error::internal)?;
        }
        Sent::Refused(why) => {
            outbox.server_works();
            tracing::error!(letter = name, why, "the mail server refused a letter; it is put aside");
            return put_aside(installation, name, head.about).await;
        }
        Sent::Later(why) => (why, false),
        Sent::NoServer(why) => (why, true),
    };
    if outbox.put_back(due, installation.clock.now(), is_server) {
        tracing::warn!(letter = name, why, "a letter could not be sent and will be tried again");
        Ok(())
    } else {
        tracing::error!(letter = name, why, "a letter could not be sent in two days; it is put aside");
        put_aside(installation, name, head.about).await
    }
}

/// Not while the tenant that it is about is being erased: the erasure looks for it under its present name.
async fn put_aside(installation: &Installation, name: String, about: Option<TenantId>) -> Result<()> {
    let spool = installation.mailer.spool.clone();
    let act = move || spool.give_up(&name);
    match about {
        Some(tenant) => match installation.tenancy.unless_fenced(tenant, act).await {
            Err(error) if error.kind() == Kind::NotFound => Ok(()),
            other => other,
        },
        None => tokio::task::spawn_blocking(act).await.map_err(Error::internal)?,
    }
}

async fn send(outbox: &Outbox, head: &Head, message: &[u8]) -> Sent {
    let Ok(to) = head.to.parse() else {
        return Sent::Refused("the address cannot be written in a mail".to_owned());
    };
    match Envelope::new(Some(outbox.from.clone()), vec![to]) {
        Err(error) => Sent::Refused(error.to_string()),
        Ok(envelope) => match outbox.transport.send_raw(&envelope, message).await {
            Ok(_) => Sent::Taken,
            Err(error) => verdict(&error),
        },
    }
}

fn verdict(error: &SmtpError) -> Sent {
    let why = one_line(error);
    match error.status().map(u16::from) {
        Some(code) if ABOUT_US.contains(&code) || code == 421 => Sent::NoServer(why),
        Some(_) if error.is_permanent() => Sent::Refused(why),
        Some(_) => Sent::Later(why),
        None => Sent::NoServer(why),
    }
}

/// What the server said, for the log: one line, not too long, nothing that moves a cursor.
fn one_line(error: &SmtpError) -> String {
    error.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

/// Removes letters that were given up long ago; and where no mail server is set, so that all letters stay, the old and the
/// oldest of too many.
///
/// # Errors
/// The disk refuses.
pub async fn sweep_letters(installation: &Installation) -> Result<()> {
    let (spool, now) = (installation.mailer.spool.clone(), installation.clock.now());
    let sweep = move || {
        spool.remove_undelivered(now.plus(-KEPT))?;
        let removed = spool.remove_kept(now.plus(-STAYS), MOST_STAY)?;
        if removed > 0 {
            tracing::info!(removed, "letters that no mail server took were old or too many and are removed");
        }
        Ok(())
    };
    tokio::task::spawn_blocking(sweep).await.map_err(Error::internal)?
}
