//! What a client is told whose usage is refused.

use crate::clock::Timestamp;
use crate::error::{Error, Kind};
use crate::model::plan::Window;
use crate::tenancy::tx::usage::UsageRefusal;

impl UsageRefusal {
    /// What the client is told.
    pub fn error(&self) -> Error {
        match self {
            UsageRefusal::KeyReused => Error::conflict(
                self.code(),
                "An event of that idempotency_key came before, with another payload. What was counted stays; send another \
                 event under another key.",
            ),
            UsageRefusal::TooOld | UsageRefusal::Future => {
                Error::invalid_field("occurred_at", self.code(), self.message())
            }
            UsageRefusal::LimitReached { resets_at, .. } => {
                let error = Error::new(Kind::PaymentRequired, self.code(), self.message());
                match resets_at {
                    Some(moment) => error.with_member("resets_at", Timestamp(*moment).to_string()),
                    None => error,
                }
            }
            UsageRefusal::SpendCapReached { resets_at, .. } => {
                Error::new(Kind::PaymentRequired, self.code(), self.message())
                    .with_member("resets_at", Timestamp(*resets_at).to_string())
            }
        }
    }

    /// Why, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            UsageRefusal::KeyReused => "idempotency_key_reused",
            UsageRefusal::TooOld => "occurred_at_too_old",
            UsageRefusal::Future => "occurred_at_future",
            UsageRefusal::LimitReached { .. } => "limit_reached",
            UsageRefusal::SpendCapReached { .. } => "spend_cap_reached",
        }
    }

    /// Why, for people, with what to do next.
    pub fn message(&self) -> String {
        match self {
            UsageRefusal::KeyReused => "came before with another payload".to_owned(),
            UsageRefusal::TooOld => {
                "must be at most 35 days ago: what is older is not billed any more".to_owned()
            }
            UsageRefusal::Future => {
                "must not be later than now; the clock may be 5 minutes ahead at most".to_owned()
            }
            UsageRefusal::LimitReached { meter, used, hard, window, resets_at } => {
                let until = match resets_at {
                    Some(moment) => format!(" until {}", Timestamp(*moment)),
                    None => String::new(),
                };
                let over = match window {
                    Window::None => String::new(),
                    window => format!(" in a {}", window.name()),
                };
                format!(
                    "The plan of this tenant has {hard} of {meter}{over}, of which {used} are used: there is no room for \
                     this{until}. Move to a larger plan to go on now."
                )
            }
            UsageRefusal::SpendCapReached { cap, resets_at } => format!(
                "This would cost more than the spend cap of {cap} allows until {}. An owner can raise it: PATCH \
                 .../limits with spend_cap_cents.",
                Timestamp(*resets_at)
            ),
        }
    }
}
