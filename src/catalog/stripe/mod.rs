//! What the catalog holds of Stripe: its events, which customer is which tenant, and what it said last of each object.

mod cancellations;
mod customer_erasures;
mod customers;
mod drift;
mod events;
mod held;
mod inbox;
mod invoices;
mod items;
mod statements;
mod subscriptions;

pub use customers::StripeCheckout;
pub use drift::{StripeDrift, StripeObjects};
pub use events::{NewStripeEvent, StripeEvent, StripeEventFilter, StripeEventStatus, StripeOutcome};
pub use held::HeldStatement;
pub use items::StripeItem;
pub use statements::AtStripe;
