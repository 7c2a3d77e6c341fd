//! Which letters wait for the mail server, and until when. The letters themselves are files.

use super::spool::{sender_of, written_at};
use crate::clock::{DAY, HOUR, SECOND, Timestamp};
use crate::config::{Config, SmtpSecurity, read_authorities};
use crate::error::{Error, Kind, Result};
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, Tokio1Executor};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Letters that may wait at once, and of one sender.
const MOST: usize = 100_000;
const MOST_OF_ONE: usize = 2_000;
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

/// The letters of one tenant, or those about accounts: when each is tried next, and how often it failed.
type OfSender = BTreeMap<(Timestamp, String), u32>;

/// Senders take turns, a letter each: however many one has, another's first waits for one of each.
#[derive(Default)]
struct Queue {
    waiting: BTreeMap<String, OfSender>,
    count: usize,
    /// Who had the last turn.
    last: String,
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
        let tls = match config.smtp_security {
            SmtpSecurity::Tls => Tls::Wrapper(tls_with(config, &host)?),
            SmtpSecurity::Starttls => Tls::Required(tls_with(config, &host)?),
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
        let mut queue = Queue::default();
        waiting.into_iter().for_each(|name| queue.insert(now, name, 0));
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

    /// Whether no more letters of this sender are taken now.
    pub(super) fn is_full(&self, sender: &str) -> bool {
        let queue = self.queue();
        queue.count >= MOST || queue.waiting_of(sender) >= MOST_OF_ONE
    }

    /// How many letters wait.
    pub(super) fn waiting(&self) -> usize {
        self.queue().count
    }

    /// How many letters of a sender wait.
    pub(super) fn waiting_of(&self, sender: &str) -> usize {
        self.queue().waiting_of(sender)
    }

    /// A letter that was just written.
    pub(super) fn add(&self, name: String, now: Timestamp) {
        self.queue().insert(now, name, 0);
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

    /// How often in a row the server itself failed.
    pub(super) fn server_failures(&self) -> u32 {
        self.queue().failures
    }

    /// The letter has to be tried again, if it is not too old. With `is_server`, nothing else gets through either. False:
    /// it is too old.
    pub(super) fn put_back(&self, due: Due, now: Timestamp, is_server: bool) -> bool {
        self.queue().put_back(due, now, is_server)
    }
}

impl Queue {
    fn insert(&mut self, at: Timestamp, name: String, failures: u32) {
        let sender = self.waiting.entry(sender_of(&name).to_owned()).or_default();
        self.count += usize::from(sender.insert((at, name), failures).is_none());
    }

    fn waiting_of(&self, sender: &str) -> usize {
        self.waiting.get(sender).map_or(0, BTreeMap::len)
    }

    /// Who is next: the first after whoever had the last turn that has a letter which is due.
    fn next_sender(&self, now: Timestamp) -> Option<String> {
        let is_due = |(_, letters): &(&String, &OfSender)| {
            letters.first_key_value().is_some_and(|((at, _), _)| *at <= now)
        };
        let after = (Bound::Excluded(self.last.as_str()), Bound::Unbounded);
        let before = (Bound::Unbounded, Bound::Included(self.last.as_str()));
        let mut turn = self.waiting.range::<str, _>(after).chain(self.waiting.range::<str, _>(before));
        turn.find(is_due).map(|(sender, _)| sender.clone())
    }

    fn take_due(&mut self, now: Timestamp, most: usize) -> Vec<Due> {
        if now < self.rests_until {
            return Vec::new();
        }
        let most = if self.failures > 0 { 1 } else { most };
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some(sender) = self.next_sender(now)
            && let Some(letters) = self.waiting.get_mut(&sender)
            && let Some(((_, name), failures)) = letters.pop_first()
        {
            taken.push(Due { name, failures });
            self.count -= 1;
            if letters.is_empty() {
                self.waiting.remove(&sender);
            }
            self.last = sender;
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
        self.insert(at, due.name, failures);
        true
    }
}

/// What is believed of the server: a certificate for its name by an authority of this machine or of `smtp_ca_file`.
fn tls_with(config: &Config, host: &str) -> Result<TlsParameters> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(file) = &config.smtp_ca_file {
        let unusable = |why: String| {
            let detail = format!("smtp_ca_file = {}: {why}", file.display());
            Error::new(Kind::Malformed, "smtp_ca_file_invalid", detail)
        };
        let text = read_authorities(file).map_err(unusable)?;
        let certificates =
            Certificate::from_pem(text.as_bytes()).map_err(|error| unusable(error.to_string()))?;
        builder = builder.add_root_certificate(certificates);
        return builder.build().map_err(|error| unusable(error.to_string()));
    }
    builder.build().map_err(Error::internal)
}

fn wait_after(failures: u32) -> i64 {
    (FIRST_WAIT << failures.min(16)).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MINUTE;

    fn queue(names: &[&str]) -> Queue {
        let mut queue = Queue::default();
        names.iter().for_each(|name| queue.insert(Timestamp(1_000), (*name).to_owned(), 0));
        queue
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
    fn ten_thousand_letters_of_one_tenant_keep_no_other_waiting() {
        let tenant = |number: u32| format!("{number:08}-0000-7000-8000-000000000000");
        let mut queue = Queue::default();
        for number in 0..10_000 {
            queue.insert(Timestamp(1_000), format!("1000-{}-{number:05}", tenant(5)), 0);
        }
        // What came last, from a tenant before and one after it, and about an account.
        let others =
            [format!("1001-{}-x", tenant(1)), format!("1001-{}-x", tenant(9)), "1001-account-x".to_owned()];
        others.iter().for_each(|name| queue.insert(Timestamp(1_001), name.clone(), 0));
        assert_eq!(
            (queue.count, queue.waiting_of(&tenant(5)), queue.waiting_of("account")),
            (10_003, 10_000, 1)
        );
        let taken = queue.take_due(Timestamp(1_001), 4);
        let names: Vec<&str> = taken.iter().map(|due| due.name.as_str()).collect();
        for other in &others {
            assert!(names.contains(&other.as_str()), "{other} is not among {names:?}");
        }
        assert_eq!(queue.count, 9_999);
        assert_eq!(queue.take_due(Timestamp(1_001), 20_000).len(), 9_999);
        assert!(queue.waiting.is_empty() && queue.count == 0);
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
