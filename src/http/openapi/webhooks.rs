//! Schemas of webhooks.

use super::resources::Shape;

pub(super) const SHAPES: &[Shape] = &[
    ("NewWebhookEndpoint", &[("url", "text"), ("events", "[text]"), ("description?", "text")]),
    (
        "WebhookEndpointChange",
        &[("url?", "text"), ("events?", "[text]"), ("description?", "text"), ("status?", "text")],
    ),
    (
        "WebhookEndpoint",
        &[
            ("id", "text"),
            ("url", "text"),
            ("description", "text"),
            ("events", "[text]"),
            ("status", "text"),
            ("disabled_reason", "text|null"),
            ("failing_since", "time|null"),
            ("missed_changes", "integer"),
            ("withheld_events", "integer"),
            ("old_secret_until", "time|null"),
            ("created_by", "text"),
            ("acts_for", "text"),
            ("created_at", "time"),
            ("updated_at", "time"),
        ],
    ),
    ("WebhookEndpointWithSecret", &[("..", "WebhookEndpoint"), ("secret", "text")]),
    (
        "WebhookDelivery",
        &[
            ("id", "text"),
            ("endpoint_id", "text"),
            ("event_id", "text"),
            ("type", "text"),
            ("status", "text"),
            ("attempt_count", "integer"),
            ("next_attempt_at", "time|null"),
            ("created_at", "time"),
            ("ended_at", "time|null"),
        ],
    ),
    (
        "WebhookAttempt",
        &[
            ("number", "integer"),
            ("at", "time"),
            ("duration_ms", "integer"),
            ("status", "integer|null"),
            ("response", "text|null"),
            ("error", "text|null"),
        ],
    ),
    (
        "WholeWebhookDelivery",
        &[
            ("..", "WebhookDelivery"),
            ("payload", "object|null"),
            ("payload_needs", "text|null"),
            ("attempts", "[WebhookAttempt]"),
        ],
    ),
];
