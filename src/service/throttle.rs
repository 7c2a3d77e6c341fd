//! Guessing passwords is slow (DESIGN 6), and so is making accounts and tenants.
//!
//! Failures are counted before the check: per account and network, and per network for all accounts. Whoever is known
//! already has a count of their own for the account: a browser that signed in before, or the session that is asked for its
//! password. So nobody can make them wait by guessing. Held in memory, bounded; who restarts the server to try five more
//! has the machine already.

mod networks;

pub(super) use networks::{WIDE, network_of, wide_network_of};

use crate::clock::{MINUTE, SECOND, SharedClock, Timestamp};
use crate::error::{Error, Result};
use crate::id::{IdentityId, SessionId, TenantId};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Failures of one account from one network that are free, and for how long they count.
const FREE_FAILURES: u32 = 5;
const FAILURE_WINDOW: i64 = 15 * MINUTE;
/// Longest wait between two tries.
const LONGEST_WAIT: i64 = 5 * MINUTE;
/// Tries of one network in a minute, whatever the account; those of a /48 have eight times as many.
const TRIES_A_MINUTE: u32 = 20;
/// Letters to one address that one network may ask for in a minute.
const LETTERS_A_MINUTE: u32 = 3;
/// Accounts that one network may try to make in a minute: each costs a hash.
const SIGN_UPS_A_MINUTE: u32 = 100;
/// Tenants that one identity may try to make in a minute: each costs a file, and each try tells of a slug.
const TENANTS_A_MINUTE: u32 = 30;
/// Pages of Stripe's that one tenant may ask for in a minute: each costs a few requests there.
const PAYMENT_PAGES_A_MINUTE: u32 = 10;
/// Refreshes of one session in a minute that are not counted with its network: several tabs, each at once.
const REFRESHES_A_MINUTE: u32 = 20;
/// Lines in the log in a minute about tries of one network that were refused without a look.
const LINES_A_MINUTE: u32 = 5;
/// Counters kept of each kind.
const MOST: usize = 50_000;

pub(super) struct Throttle {
    accounts: Mutex<HashMap<(String, String), Failures>>,
    networks: Mutex<HashMap<String, Tries>>,
    letters: Mutex<HashMap<(String, String), Tries>>,
    sign_ups: Mutex<HashMap<String, Tries>>,
    tenants: Mutex<HashMap<IdentityId, Tries>>,
    payment_pages: Mutex<HashMap<TenantId, Tries>>,
    refreshes: Mutex<HashMap<SessionId, Tries>>,
    lines: Mutex<HashMap<String, Tries>>,
    clock: SharedClock,
}

/// Where a try comes from: what it is counted under.
#[derive(Clone, Copy)]
pub(super) enum From<'a> {
    /// An address that may be anybody's.
    Network(&'a str),
    /// A browser or a session that somebody who knew the password has: its name.
    Known(&'a str),
}

impl From<'_> {
    fn name(self) -> String {
        match self {
            From::Network(address) => network_of(address),
            // No address has a blank.
            From::Known(name) => format!("known {name}"),
        }
    }
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: Timestamp,
}

#[derive(Clone, Copy)]
struct Tries {
    count: u32,
    since: Timestamp,
}

impl Throttle {
    pub(super) fn new(clock: SharedClock) -> Throttle {
        Throttle {
            accounts: Mutex::default(),
            networks: Mutex::default(),
            letters: Mutex::default(),
            sign_ups: Mutex::default(),
            tenants: Mutex::default(),
            payment_pages: Mutex::default(),
            refreshes: Mutex::default(),
            lines: Mutex::default(),
            clock,
        }
    }

    /// Counts a try as failed before it is made.
    ///
    /// # Errors
    /// 429 with the seconds to wait.
    pub(super) fn before_try(&self, account: &str, from: From<'_>) -> Result<()> {
        let now = self.clock.now();
        if let From::Network(address) = from {
            self.count_try(address)?;
        }
        let mut accounts = lock(&self.accounts);
        make_room(&mut accounts, |failures| now.since(failures.last) >= FAILURE_WINDOW);
        let failures =
            accounts.entry((account.to_owned(), from.name())).or_insert(Failures { count: 0, last: now });
        if !(0..FAILURE_WINDOW).contains(&now.since(failures.last)) {
            failures.count = 0;
        }
        if failures.count >= FREE_FAILURES {
            let doublings = (failures.count - FREE_FAILURES).min(16);
            let pause = (SECOND << doublings).min(LONGEST_WAIT);
            let left = failures.last.plus(pause).since(now);
            if left > 0 {
                return Err(failed_too_often(left));
            }
        }
        *failures = Failures { count: failures.count + 1, last: now };
        Ok(())
    }

    /// Counts a code of a second factor before it is looked at; what is guessed of one account is counted with it.
    ///
    /// # Errors
    /// 429 with the seconds to wait.
    pub(super) fn before_code(&self, address: &str) -> Result<()> {
        self.count_try(address)
    }

    /// The code was right.
    pub(super) fn code_was_right(&self, address: &str) {
        self.return_try(address);
    }

    /// Counts a letter that is asked for, before anything is looked up. Per network too: nobody keeps the owner of an
    /// address from asking.
    ///
    /// # Errors
    /// 429 with the seconds to wait.
    pub(super) fn before_letter(&self, account: &str, address: &str) -> Result<()> {
        self.before_link(address)?;
        let key = (account.to_owned(), network_of(address));
        count(&self.letters, &key, self.clock.now(), LETTERS_A_MINUTE).map_err(|left| {
            wait(left, "too_many_letters", "Too many letters to this address were asked for.")
        })
    }

    /// Counts a token of a letter that is tried.
    ///
    /// # Errors
    /// 429 with the seconds to wait.
    pub(super) fn before_link(&self, address: &str) -> Result<()> {
        self.count_try(address)
    }

    /// Counts a sign-up before it costs anything.
    ///
    /// # Errors
    /// 429 with the seconds to wait.
    pub(super) fn before_sign_up(&self, address: &str) -> Result<()> {
        count(&self.sign_ups, &network_of(address), self.clock.now(), SIGN_UPS_A_MINUTE).map_err(|left| {
            wait(left, "too_many_sign_ups", "Too many accounts were asked for from your network.")
        })
    }

    /// Counts a tenant before it costs anything.
    ///
    /// # Errors
    /// 429 with the seconds to wait.
    pub(super) fn before_tenant(&self, maker: IdentityId) -> Result<()> {
        count(&self.tenants, &maker, self.clock.now(), TENANTS_A_MINUTE).map_err(|left| {
            wait(left, "too_many_new_tenants", "You asked for too many tenants in a short time.")
        })
    }

    /// Counts a page of Stripe's that a tenant asks for.
    ///
    /// # Errors
    /// 429 with the seconds to wait.
    pub(super) fn before_payment_page(&self, tenant: TenantId) -> Result<()> {
        count(&self.payment_pages, &tenant, self.clock.now(), PAYMENT_PAGES_A_MINUTE).map_err(|left| {
            wait(left, "too_many_payment_pages", "This tenant asked for too many pages where it pays.")
        })
    }

    /// Counts a refresh of a session, and tells whether it is one that any browser might send.
    pub(super) fn is_quiet_refresh(&self, session: SessionId) -> bool {
        count(&self.refreshes, &session, self.clock.now(), REFRESHES_A_MINUTE).is_ok()
    }

    /// Whether the log may be told once more that this network was refused without a look: that costs nothing, so whoever
    /// goes on must not fill the disk with it.
    pub(super) fn may_tell(&self, address: &str) -> bool {
        count(&self.lines, &network_of(address), self.clock.now(), LINES_A_MINUTE).is_ok()
    }

    /// The password was right: what failed before is forgotten.
    pub(super) fn succeeded(&self, account: &str, from: From<'_>) {
        lock(&self.accounts).remove(&(account.to_owned(), from.name()));
        self.return_try_of(from);
    }

    /// The password could not be compared: that try was none, and those before it still count.
    pub(super) fn take_back(&self, account: &str, from: From<'_>) {
        if let Some(failures) = lock(&self.accounts).get_mut(&(account.to_owned(), from.name())) {
            failures.count = failures.count.saturating_sub(1);
        }
        self.return_try_of(from);
    }

    fn return_try_of(&self, from: From<'_>) {
        if let From::Network(address) = from {
            self.return_try(address);
        }
    }

    /// Counts a try of a network, and of what is around it.
    fn count_try(&self, address: &str) -> Result<()> {
        let now = self.clock.now();
        let count = |network: &String, most| count(&self.networks, network, now, most);
        count(&network_of(address), TRIES_A_MINUTE).map_err(failed_too_often)?;
        let wide = wide_network_of(address);
        wide.map_or(Ok(()), |wide| count(&wide, WIDE * TRIES_A_MINUTE)).map_err(failed_too_often)
    }

    fn return_try(&self, address: &str) {
        let mut networks = lock(&self.networks);
        for network in [Some(network_of(address)), wide_network_of(address)].into_iter().flatten() {
            if let Some(tries) = networks.get_mut(&network) {
                tries.count = tries.count.saturating_sub(1);
            }
        }
    }
}

/// Counts one more of a key in this minute, if it may have one more; else the milliseconds until it may.
fn count<K: Eq + Hash + Clone>(
    table: &Mutex<HashMap<K, Tries>>,
    key: &K,
    now: Timestamp,
    most: u32,
) -> Result<(), i64> {
    let mut table = lock(table);
    make_room(&mut table, |tries| now.since(tries.since) >= MINUTE);
    let tries = table.entry(key.clone()).or_insert(Tries { count: 0, since: now });
    if !(0..MINUTE).contains(&now.since(tries.since)) {
        *tries = Tries { count: 0, since: now };
    }
    if tries.count >= most {
        return Err(tries.since.plus(MINUTE).since(now));
    }
    tries.count += 1;
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Drops what no longer counts once the table is full; then everything, rather than grow without bound.
fn make_room<K: Eq + Hash, V>(table: &mut HashMap<K, V>, is_over: impl Fn(&V) -> bool) {
    if table.len() >= MOST {
        table.retain(|_, value| !is_over(value));
        if table.len() >= MOST {
            table.clear();
        }
    }
}

fn failed_too_often(ms: i64) -> Error {
    wait(ms, "too_many_sign_ins", "Too many failed tries.")
}

fn wait(ms: i64, code: &'static str, why: &str) -> Error {
    let seconds = u32::try_from((ms + SECOND - 1) / SECOND).unwrap_or(1).max(1);
    Error::too_many(code, format!("{why} Try again in {seconds} s."), seconds)
}

#[cfg(test)]
mod tests;
