//! What the catalog holds of Stripe: its events, which customer is which tenant, and what it said last of each object.

mod cancellations;
mod customers;
mod drift;
mod events;
mod items;
mod objects;
mod statements;

pub use customers::StripeCheckout;
pub use drift::StripeDrift;
pub use events::{NewStripeEvent, StripeEvent, StripeEventFilter, StripeEventStatus, StripeOutcome};
pub use items::StripeItem;
