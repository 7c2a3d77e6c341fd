//! Which letters wait for the mail server, and until when. The letters themselves are files.

use super::spool::written_at;
use crate::clock::{DAY, HOUR, SECOND, Timestamp};
use crate::config::{Config, SmtpSecurity};
use crate::error::{Error, Result};
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, Tokio1Executor};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Letters that may wait at once.
const MOST: usize = 10_000;
/// The wait after a first failure; each further one doubles it.
const FIRST_WAIT: i64 = 30 * SECOND;
const LONGEST_WAIT: i64 = HOUR;
/// For so long a letter is tried.
const LIFETIME: i64 = 2 * DAY;
/// For one step of the talk with the server.
const STEP: Duration = Duration::from_secs(20);

pub(super) struct Outbox {
    pub(super) transport: AsyncSmtpTransport<Tokio1Executor>,
    pub(super) from: Address,
    pub(super) arrived: Notify,
    queue: Mutex<Queue>,
}

/// One letter to be tried now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) name: String,
    /// How often it failed.
    pub(super) failures: u32,
}

#[derive(Default)]
struct Queue {
    /// When each is tried next, and how often it failed.
    waiting: BTreeMap<(Timestamp, String), u32>,
    /// The server itself failed so often in a row; until this moment nothing is tried, then one letter.
    failures: u32,
    rests_until: Timestamp,
}

impl Outbox {
    /// None where no mail server is set.
    pub(super) fn new(
        config: &Config,
        from: &Mailbox,
        waiting: Vec<String>,
        now: Timestamp,
    ) -> Result<Option<Outbox>> {
        let Some(host) = config.smtp_host.clone() else { return Ok(None) };
        let tls = || TlsParameters::new(host.clone()).map_err(Error::internal);
        let tls = match config.smtp_security {
            SmtpSecurity::Tls => Tls::Wrapper(tls()?),
            SmtpSecurity::Starttls => Tls::Required(tls()?),
            SmtpSecurity::None => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(config.smtp_port())
            .tls(tls)
            .timeout(Some(STEP))
            // Not the name of this machine: that is nobody's business.
            .hello_name(ClientId::Domain(from.email.domain().to_owned()));
        if let (Some(user), Some(password)) = (&config.smtp_user, &config.smtp_password) {
            builder = builder.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
        }
        let queue =
            Queue { waiting: waiting.into_iter().map(|name| ((now, name), 0)).collect(), ..Queue::default() };
        Ok(Some(Outbox {
            transport: builder.build(),
            from: from.email.clone(),
            arrived: Notify::new(),
            queue: Mutex::new(queue),
        }))
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_full(&self) -> bool {
        self.queue().waiting.len() >= MOST
    }

    /// A letter that was just written.
    pub(super) fn add(&self, name: String, now: Timestamp) {
        self.queue().waiting.insert((now, name), 0);
        self.arrived.notify_one();
    }

    /// Up to `most` letters that are due; they do not wait any longer.
    pub(super) fn take_due(&self, now: Timestamp, most: usize) -> Vec<Due> {
        self.queue().take_due(now, most)
    }

    /// The server answered.
    pub(super) fn server_works(&self) {
        self.queue().failures = 0;
    }

    /// The letter has to be tried again, if it is not too old. With `is_server`, nothing else gets through either. False:
    /// it is too old.
    pub(super) fn put_back(&self, due: Due, now: Timestamp, is_server: bool) -> bool {
        self.queue().put_back(due, now, is_server)
    }
}

impl Queue {
    fn take_due(&mut self, now: Timestamp, most: usize) -> Vec<Due> {
        if now < self.rests_until {
            return Vec::new();
        }
        let most = if self.failures > 0 { 1 } else { most };
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some(first) = self.waiting.first_entry()
            && first.key().0 <= now
        {
            let ((_, name), failures) = first.remove_entry();
            taken.push(Due { name, failures });
        }
        taken
    }

    fn put_back(&mut self, due: Due, now: Timestamp, is_server: bool) -> bool {
        if is_server {
            self.rests_until = now.plus(wait_after(self.failures));
            self.failures = self.failures.saturating_add(1);
        }
        if written_at(&due.name).is_none_or(|at| now.since(at) >= LIFETIME) {
            return false;
        }
        // That the server fails is not the letter's fault: it keeps its place.
        let (at, failures) = if is_server {
            (now, due.failures)
        } else {
            (now.plus(wait_after(due.failures)), due.failures + 1)
        };
        self.waiting.insert((at, due.name), failures);
        true
    }
}

fn wait_after(failures: u32) -> i64 {
    (FIRST_WAIT << failures.min(16)).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MINUTE;

    fn queue(names: &[&str]) -> Queue {
        let waiting = names.iter().map(|name| ((Timestamp(1_000), (*name).to_owned()), 0)).collect();
        Queue { waiting, ..Queue::default() }
    }

    #[test]
    fn a_letter_that_fails_waits_longer_each_time_and_holds_up_no_other() {
        let mut queue = queue(&["1000-a", "1000-b"]);
        let mut now = Timestamp(1_000);
        let first = queue.take_due(now, 1).remove(0);
        assert!(queue.put_back(first, now, false));
        assert_eq!(queue.take_due(now, 9).len(), 1, "the other is not held up");
        for wait in [30 * SECOND, MINUTE, 2 * MINUTE, 4 * MINUTE] {
            assert!(queue.take_due(now.plus(wait - 1), 9).is_empty());
            now = now.plus(wait);
            let again = queue.take_due(now, 9).remove(0);
            assert!(queue.put_back(again, now, false));
        }
        let late = Timestamp(1_000).plus(LIFETIME);
        let last = queue.take_due(late, 9).remove(0);
        assert!(!queue.put_back(last, late, false), "it is too old");
        assert!(queue.take_due(late.plus(DAY), 9).is_empty());
    }

    #[test]
    fn a_server_that_fails_is_tried_with_one_letter_until_it_works() {
        let mut queue = queue(&["1000-a", "1000-b", "1000-c"]);
        let now = Timestamp(1_000);
        let taken = queue.take_due(now, 2);
        assert_eq!(taken.len(), 2);
        for due in taken {
            assert!(queue.put_back(due, now, true));
        }
        assert!(queue.take_due(now.plus(MINUTE - 1), 9).is_empty());
        let probe = queue.take_due(now.plus(MINUTE), 9);
        assert_eq!(probe, [Due { name: "1000-a".to_owned(), failures: 0 }]);
        queue.failures = 0;
        assert_eq!(queue.take_due(now.plus(MINUTE), 9).len(), 2);
    }
}
