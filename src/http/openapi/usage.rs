//! Schemas of usage and limits.

use super::resources::Shape;

pub(super) const SHAPES: &[Shape] = &[
    (
        "NewUsageEvent",
        &[
            ("meter", "text"),
            ("quantity?", "decimal"),
            ("cost_cents?", "decimal"),
            ("occurred_at?", "time"),
            ("idempotency_key", "text"),
            ("properties?", "object"),
        ],
    ),
    (
        "UsageEventTaken",
        &[
            ("seq?", "integer"),
            ("status?", "text"),
            ("accepted?", "integer"),
            ("duplicates?", "integer"),
            ("rejected?", "integer"),
            ("results?", "[object]"),
        ],
    ),
    ("UsageEventVoided", &[("seq", "integer"), ("voids", "integer"), ("status", "text")]),
    (
        "UsageEvent",
        &[
            ("seq", "integer"),
            ("meter", "text"),
            ("quantity", "text"),
            ("cost_cents", "text"),
            ("occurred_at", "time"),
            ("received_at", "time"),
            ("idempotency_key", "text"),
            ("properties", "object|null"),
            ("voids", "integer|null"),
            ("sent_by", "text|null"),
            ("voided_by?", "integer|null"),
        ],
    ),
    (
        "UsageSum",
        &[("meter", "text"), ("from", "time"), ("to", "time"), ("quantity", "text"), ("cost_cents", "text")],
    ),
    (
        "Meter",
        &[
            ("name", "text"),
            ("unit", "text"),
            ("aggregation", "text"),
            ("scale", "integer"),
            ("property", "text|null"),
            ("built_in", "flag"),
        ],
    ),
    ("Limits", &[("items", "[object]"), ("spend", "object"), ("seats", "object"), ("features", "object")]),
    (
        "Margin",
        &[
            ("tenant", "object"),
            ("plan", "text"),
            ("month", "text"),
            ("currency", "text"),
            ("revenue_cents", "text"),
            ("cost_cents", "text"),
            ("serving", "object"),
            ("margin_cents", "text|null"),
        ],
    ),
    (
        "FleetTotals",
        &[
            ("month", "text"),
            ("as_of", "time|null"),
            ("complete", "flag"),
            ("tenants", "integer"),
            ("unprofitable", "integer"),
            ("storage_bytes", "integer"),
            ("currencies", "[CurrencyTotals]"),
        ],
    ),
    (
        "CurrencyTotals",
        &[
            ("currency", "text"),
            ("tenants", "integer"),
            ("revenue_cents", "text"),
            ("cost_cents", "text|null"),
            ("margin_cents", "text|null"),
        ],
    ),
    ("SpendCap", &[("spend_cap_cents", "integer|null")]),
];
