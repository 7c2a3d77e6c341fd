//! What Stripe sends: events, the objects in them, old shapes and current ones, and how they are signed.

mod amount;
mod event;
mod objects;
mod signature;
mod states;

pub use amount::{from_stripe_units, in_stripe_units};
pub use event::{Event, Hint, ObjectKind, Unreadable};
pub use objects::{CheckoutSession, INSTALLATION, Invoice, Payment, SALE, Subscription, TENANT, labels_of};
pub use signature::{BadSignature, verify};
pub use states::{Difference, InvoiceState, SubscriptionState};
