//! Schemas of members, roles, invitations and API keys.

use super::resources::Shape;

pub(super) const SHAPES: &[Shape] = &[
    (
        "Member",
        &[
            ("identity_id", "text"),
            ("kind", "text"),
            ("email", "text|null"),
            ("name", "text"),
            ("role", "text"),
            ("status", "text"),
            ("joined_at", "time"),
        ],
    ),
    ("Role", &[("role", "text")]),
    ("Transfer", &[("to", "text")]),
    ("NewServiceIdentity", &[("name", "text"), ("role", "text")]),
    ("NewRole", &[("name", "text"), ("permissions", "[text]")]),
    ("RoleChange", &[("permissions", "[text]")]),
    ("RoleDefinition", &[("name", "text"), ("permissions", "[text]"), ("defined_by", "text")]),
    (
        "NewApiKey",
        &[
            ("name", "text"),
            ("permissions", "[text]"),
            ("expires_at?", "time|null"),
            ("identity_id?", "text|null"),
            ("rate?", "KeyRate|null"),
        ],
    ),
    (
        "ApiKey",
        &[
            ("id", "text"),
            ("name", "text"),
            ("permissions", "[text]"),
            ("identity_id", "text"),
            ("created_by", "text"),
            ("created_at", "time"),
            ("expires_at", "time|null"),
            ("last_used_at", "time|null"),
            ("rate", "KeyRate|null"),
        ],
    ),
    ("KeyRate", &[("requests_per_second", "integer"), ("burst", "integer")]),
    ("CreatedApiKey", &[("..", "ApiKey"), ("key", "text")]),
    ("NewInvitation", &[("email", "text"), ("role", "text")]),
    (
        "Invitation",
        &[
            ("id", "text"),
            ("email", "text"),
            ("role", "text"),
            ("invited_by", "text"),
            ("created_at", "time"),
            ("expires_at", "time"),
        ],
    ),
];
