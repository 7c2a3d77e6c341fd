//! Documents that are kept: to make one of a hundred tables takes some milliseconds.

use crate::error::{Error, Result};
use crate::model::table::Schema;
use crate::policy::{PermissionSet, TableRights};
use axum::body::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::sync::{Arc, LazyLock};

/// Bytes of all that are kept.
const MOST_BYTES: u64 = 32 << 20;
/// About so many are expected.
const EXPECTED: usize = 256;

/// The part of a document that tenants share.
pub(in crate::http) struct Shared {
    /// JSON of an object's fields, without its braces.
    fields: Bytes,
    /// Of these fields.
    digest: [u8; 32],
    /// Keeps the schema where it is, so that no other comes to its address.
    _schema: Arc<Schema>,
}

/// Whom a part is for: of which schema, by its address, with which rights to each of its tables and which permissions.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Reader {
    schema: usize,
    rights: Vec<TableRights>,
    permissions: PermissionSet,
}

#[derive(Clone)]
struct Bytewise;

impl Weighter<Reader, Arc<Shared>> for Bytewise {
    fn weight(&self, _: &Reader, shared: &Arc<Shared>) -> u64 {
        shared.fields.len() as u64
    }
}

static KEPT: LazyLock<Cache<Reader, Arc<Shared>, Bytewise>> =
    LazyLock::new(|| Cache::with_weighter(EXPECTED, MOST_BYTES, Bytewise));

/// The shared part for readers with these rights to the tables of the schema, in its order, and these permissions; `make`
/// makes it where it is not kept.
///
/// # Errors
/// It cannot be made.
pub(in crate::http) async fn shared(
    schema: &Arc<Schema>,
    rights: Vec<TableRights>,
    permissions: PermissionSet,
    make: impl FnOnce() -> Map<String, Value> + Send + 'static,
) -> Result<Arc<Shared>> {
    let reader = Reader { schema: Arc::as_ptr(schema).addr(), rights, permissions };
    if let Some(kept) = KEPT.get(&reader) {
        return Ok(kept);
    }
    let schema = Arc::clone(schema);
    let write = move || {
        let text = Value::Object(make()).to_string();
        let fields = Bytes::copy_from_slice(inside(&text).as_bytes());
        Shared { digest: Sha256::digest(&fields).into(), fields, _schema: schema }
    };
    let made = Arc::new(tokio::task::spawn_blocking(write).await.map_err(Error::internal)?);
    KEPT.insert(reader, Arc::clone(&made));
    Ok(made)
}

impl Shared {
    /// What tells this document with this head from all others.
    pub(in crate::http) fn mark(&self, head: &str) -> Vec<u8> {
        [self.digest.as_slice(), head.as_bytes()].concat()
    }

    /// The whole document.
    pub(in crate::http) fn under(&self, head: &str) -> Vec<u8> {
        let mut document = Vec::with_capacity(head.len() + self.fields.len() + 1);
        document.push(b'{');
        document.extend_from_slice(inside(head).as_bytes());
        document.push(b',');
        document.extend_from_slice(&self.fields);
        document.push(b'}');
        document
    }
}

/// The text of a JSON object without its braces.
fn inside(object: &str) -> &str {
    object.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn part(name: &str) -> Map<String, Value> {
        Map::from_iter([(name.to_owned(), json!([1]))])
    }

    #[tokio::test]
    async fn a_part_is_made_once_for_each_schema_rights_and_permissions() {
        let (one, other) = (Arc::new(Schema::new(Vec::new())), Arc::new(Schema::new(Vec::new())));
        let (none, all) = (PermissionSet::default(), PermissionSet::all());
        let rights = |read| vec![TableRights { read, write: false }];
        let made = async |schema: &Arc<Schema>, read: bool, permissions, name: &'static str| {
            let shared = shared(schema, rights(read), permissions, move || part(name)).await.unwrap();
            String::from_utf8(shared.under("{\"a\":1}")).unwrap()
        };
        assert_eq!(made(&one, true, none, "first").await, "{\"a\":1,\"first\":[1]}");
        assert_eq!(made(&one, true, none, "second").await, "{\"a\":1,\"first\":[1]}", "kept");
        for (schema, read, permissions) in [(&other, true, none), (&one, false, none), (&one, true, all)] {
            assert_eq!(made(schema, read, permissions, "own").await, "{\"a\":1,\"own\":[1]}");
        }
        let marks = (
            shared(&one, rights(true), none, || part("x")).await,
            shared(&other, rights(true), none, || part("x")).await,
        );
        let (first, own) = (marks.0.unwrap(), marks.1.unwrap());
        assert_ne!(first.mark("{}"), own.mark("{}"));
        assert_ne!(first.mark("{}"), first.mark("{\"a\":1}"));
    }
}
