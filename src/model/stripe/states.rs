//! What is kept of Stripe's objects, and how two states of one differ.

use crate::clock::Timestamp;

/// A subscription as Stripe said last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionState {
    /// Stripe's word.
    pub status: String,
    /// The price of its first licensed item.
    pub price: Option<String>,
    /// From when to when what is paid for reaches.
    pub period: Option<(Timestamp, Timestamp)>,
    /// When its trial ends or ended.
    pub trial_end: Option<Timestamp>,
    /// When it is going to end.
    pub cancel_at: Option<Timestamp>,
    /// Whether nothing is collected for now.
    pub paused: bool,
    /// When it was made.
    pub created: Timestamp,
}

/// An invoice as Stripe said last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceState {
    /// The subscription that it is of.
    pub subscription: Option<String>,
    /// Its number, once it has one.
    pub number: Option<String>,
    /// Stripe's word.
    pub status: String,
    /// Code of the currency, in capitals.
    pub currency: String,
    /// The total, as Stripe counts.
    pub total: i64,
    /// What was paid of it.
    pub paid: i64,
    /// How often it was tried to collect it.
    pub attempts: i64,
    /// The time whose usage it bills.
    pub period: Option<(Timestamp, Timestamp)>,
    /// Where it can be paid.
    pub url: Option<String>,
    /// When it was made.
    pub created: Timestamp,
}

/// One thing that is another here than there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What.
    pub field: &'static str,
    /// Here; nothing where it is unknown.
    pub here: Option<String>,
    /// At Stripe; nothing where it is unknown.
    pub there: Option<String>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let told = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
        write!(f, "{}: {} -> {}", self.field, told(&self.here), told(&self.there))
    }
}

/// Texts of both sides, in the same order.
type Told = Vec<(&'static str, Option<String>)>;

fn differences(here: Option<Told>, there: Told) -> Vec<Difference> {
    let mut before = here.into_iter().flatten().map(|(_, value)| value);
    let compared =
        there.into_iter().map(|(field, there)| Difference { field, here: before.next().flatten(), there });
    compared.filter(|one| one.here != one.there).collect()
}

fn time(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}

impl SubscriptionState {
    fn told(&self) -> Told {
        vec![
            ("status", Some(self.status.clone())),
            ("price", self.price.clone()),
            ("period start", time(self.period.map(|(from, _)| from))),
            ("period end", time(self.period.map(|(_, to)| to))),
            ("trial end", time(self.trial_end)),
            ("cancel at", time(self.cancel_at)),
            ("collection paused", self.paused.then(|| "yes".to_owned())),
        ]
    }

    /// What Stripe says otherwise than was known.
    pub fn differences(known: Option<&SubscriptionState>, said: &SubscriptionState) -> Vec<Difference> {
        differences(known.map(SubscriptionState::told), said.told())
    }

    /// Whether it is over, or has not begun.
    pub fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "canceled" | "incomplete" | "incomplete_expired")
    }
}

impl InvoiceState {
    fn told(&self) -> Told {
        vec![
            ("status", Some(self.status.clone())),
            ("number", self.number.clone()),
            ("total", Some(format!("{} {}", self.total, self.currency))),
            ("paid", Some(self.paid.to_string())),
            ("attempts", Some(self.attempts.to_string())),
        ]
    }

    /// What Stripe says otherwise than was known.
    pub fn differences(known: Option<&InvoiceState>, said: &InvoiceState) -> Vec<Difference> {
        differences(known.map(InvoiceState::told), said.told())
    }
}
