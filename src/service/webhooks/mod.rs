//! Outgoing webhooks: endpoints, what is told to them, and how it is sent.

mod deliver;
mod deliveries;
mod endpoints;
mod events;

pub(super) use deliver::deliver;
pub use deliveries::{FoundDelivery, find_delivery, list_deliveries, replay_delivery, test_endpoint};
pub use endpoints::{
    EndpointIn, create_endpoint, delete_endpoint, find_endpoint, list_endpoints, rotate_secret,
    update_endpoint,
};
pub use events::Carrier;
pub(super) use events::tell_notices;

pub use crate::model::webhook::{Attempt, Delivery, DeliveryStatus, Endpoint, EventType};
pub use crate::tenancy::tx::webhooks::KIND;
