//! Outgoing webhooks: what tenants are told of, whereto, and when it is tried again.

mod delivery;
mod endpoint;
mod endpoint_url;
mod event;

pub use delivery::{Attempt, Delivery, DeliveryStatus, DueDelivery, Tried, kept_of, pause};
pub use endpoint::{Endpoint, EndpointTerms, ReadsAs, SigningKey};
pub use endpoint_url::{EndpointUrl, LONGEST_URL, OutgoingRules};
pub use event::{Event, EventType};

use crate::clock::DAY;

/// Endpoints of one tenant.
pub const MOST_ENDPOINTS: i64 = 20;
/// Longest description of one, in characters.
pub const LONGEST_DESCRIPTION: usize = 200;
/// Bytes of what is sent. A record that would make it larger is told without its content.
pub const MOST_BODY: usize = 64 << 10;
/// Bytes of an answer that are kept.
pub const MOST_KEPT: usize = 4 << 10;
/// How long a secret goes on to sign beside the one that took its place.
pub const OVERLAP: i64 = DAY;
/// How long an endpoint may fail, without any success in between, before it is disabled.
pub const MOST_FAILING: i64 = 5 * DAY;
/// How long deliveries are kept after their end.
pub const KEPT: i64 = 30 * DAY;
/// How many deliveries that have ended are kept of one endpoint.
pub const MOST_ENDED: i64 = 5_000;
/// How many attempts are kept of one delivery.
pub const MOST_ATTEMPTS_KEPT: i64 = 30;
/// How many deliveries of one endpoint wait before changes of records stay where they are.
pub const MOST_PENDING: i64 = 1_000;
