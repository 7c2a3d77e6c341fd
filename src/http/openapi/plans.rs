//! Schemas of plans and subscriptions.

use super::resources::Shape;

pub(super) const SHAPES: &[Shape] = &[
    (
        "Subscription",
        &[
            ("plan", "text"),
            ("version", "integer"),
            ("newest_version", "integer"),
            ("status", "text"),
            ("interval", "text"),
            ("period_start", "time"),
            ("period_end", "time"),
            ("timezone", "text"),
            ("trial_end?", "time"),
            ("stripe_subscription_id?", "text"),
            ("scheduled_change", "object|null"),
        ],
    ),
    ("SubscriptionChange", &[("plan", "text"), ("when?", "text")]),
    (
        "OfferedPlan",
        &[
            ("key", "text"),
            ("version", "integer"),
            ("title", "text"),
            ("currency", "text"),
            ("interval", "text"),
            ("fee_cents", "text"),
            ("seats?", "integer"),
            ("trial_days", "integer"),
            ("prices", "[object]"),
            ("limits", "object"),
            ("rate", "object"),
            ("jobs", "object"),
            ("features", "object"),
        ],
    ),
    (
        "PublishedPlan",
        &[
            ("key", "text"),
            ("version", "integer"),
            ("digest", "text"),
            ("published_at", "time"),
            ("document", "object"),
            ("tenants?", "integer"),
            ("versions?", "[PlanVersion]"),
        ],
    ),
    (
        "PlanVersion",
        &[
            ("version", "integer"),
            ("digest", "text"),
            ("published_at", "time"),
            ("tenants", "integer"),
            ("document", "object"),
        ],
    ),
    ("PlanIn", &[("document", "object"), ("expected_version?", "integer")]),
];
