//! Plain data and its validation. No I/O: a value that exists is valid.

pub mod api_key;
pub mod audit;
pub mod checkpoint;
pub mod column;
pub mod email;
pub mod entitlements;
pub mod etag;
pub mod file_path;
pub mod hex;
pub mod idempotency;
pub mod job;
pub mod mac;
pub mod media_type;
pub mod meter;
pub mod money;
pub mod name;
pub mod password;
pub mod plan;
pub mod precondition;
pub mod receipt;
pub mod restriction;
pub mod signed;
pub mod slug;
pub mod standard_webhooks;
pub mod table;
pub mod tenant;
pub mod text;
pub mod usage;

pub use email::Email;
pub use etag::{Etag, Tagger};
pub use file_path::FilePath;
pub use idempotency::IdempotencyKey;
pub use name::Name;
pub use precondition::Preconditions;
pub use slug::Slug;
