//! Schemas of what has to do with Stripe.

use super::resources::Shape;

pub(super) const SHAPES: &[Shape] = &[
    ("Checkout", &[("plan", "text"), ("success_url?", "text"), ("cancel_url?", "text")]),
    ("BillingPage", &[("url", "text")]),
    (
        "StripeEvent",
        &[
            ("id", "text"),
            ("type", "text"),
            ("object", "text"),
            ("customer", "text|null"),
            ("tenant_id", "text|null"),
            ("livemode", "flag"),
            ("created_at", "time"),
            ("received_at", "time"),
            ("source", "text"),
            ("status", "text"),
            ("changed", "[text]"),
            ("reason", "text|null"),
            ("attempts", "integer"),
            ("next_attempt_at", "time|null"),
            ("done_at", "time|null"),
        ],
    ),
    (
        "StripeDifference",
        &[
            ("object", "text"),
            ("kind", "text"),
            ("field", "text"),
            ("tenant_id", "text|null"),
            ("here", "text|null"),
            ("there", "text|null"),
            ("found_at", "time"),
            ("repaired_at", "time|null"),
        ],
    ),
    ("StripeDrift", &[("as_of", "time|null"), ("items", "[StripeDifference]"), ("total", "integer")]),
    (
        "HeldStatement",
        &[
            ("invoice_id", "text"),
            ("number", "text|null"),
            ("tenant_id", "text"),
            ("attempts", "integer"),
            ("reason", "text"),
            ("next_attempt_at", "time|null"),
            ("parked_at", "time|null"),
        ],
    ),
];
