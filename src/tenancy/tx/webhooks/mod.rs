//! Endpoints of webhooks, and what is on its way to them.
//!
//! A write of records costs nothing here: each endpoint remembers up to which change it was looked at, and `waiting` turns
//! what came since into deliveries when it is their turn. Other events are turned into deliveries as they come, see `events`.
//! One job per endpoint sends them; `wake` sees to it that there is one while there is anything to be done.

mod attempts;
mod deliveries;
mod endpoints;
mod events;
#[cfg(test)]
mod tests;
mod waiting;
mod wake;

pub use attempts::Noted;
pub use endpoints::Disabled;
pub use waiting::{Asked, Waiting};
pub use wake::KIND;
