//! What every test stands on.

mod answer;
mod authority;
mod call;
mod cases;
mod client;
mod held;
mod installation;
mod mail;
mod people;
mod raw;
pub mod receiver;
mod server;
mod smtp;
mod stream;

pub use answer::Answer;
pub use authority::Authority;
pub use call::Call;
pub use cases::{Case, run_cases};
pub use client::Client;
pub use installation::{Installation, Ran};
pub use mail::{letters_to, links_to, token_in, token_mailed_to};
pub use people::{Person, Tenant};
pub use raw::raw_request;
pub use server::Server;
pub use smtp::{Security, Smtp};
pub use stream::{Event, Stream};

use std::path::Path;
use std::time::{Duration, Instant};

pub const SECOND: i64 = 1_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// How long anything may take before that is a failure.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until there is an answer, and fails with `what` when patience ends.
#[track_caller]
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What lies below a directory and has a word in its path: a tenant's id, for instance.
pub fn paths_with(directory: &Path, word: &str) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    entries
        .flat_map(|path| {
            let mut below = paths_with(&path, word);
            below.extend(Some(path.display().to_string()).filter(|path| path.contains(word)));
            below
        })
        .collect()
}
