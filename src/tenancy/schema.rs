//! stub
use crate::db::Tx;
use crate::error::Result;
use crate::model::table::Schema;
pub(super) fn fingerprint(_tx: &Tx<'_>) -> Result<[u8; 32]> { Ok([0; 32]) }
pub(super) fn introspect(_tx: &Tx<'_>) -> Result<Schema> { Ok(Schema) }
