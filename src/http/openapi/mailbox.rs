//! Schemas of the operator's mailbox.

use super::resources::Shape;

pub(super) const SHAPES: &[Shape] = &[
    (
        "KeptLetter",
        &[
            ("id", "text"),
            ("status", "text"),
            ("tenant_id", "text|null"),
            ("to", "text"),
            ("subject", "text"),
            ("created_at", "time"),
        ],
    ),
    (
        "OpenedLetter",
        &[
            ("id", "text"),
            ("status", "text"),
            ("tenant_id", "text|null"),
            ("to", "text"),
            ("subject", "text"),
            ("created_at", "time"),
            ("headers", "[LetterHeader]"),
            ("text", "text"),
            ("html", "text"),
        ],
    ),
    ("LetterHeader", &[("name", "text"), ("value", "text")]),
];
