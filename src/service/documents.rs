//! Documents about a tenant's API: their tags.

use super::Installation;
use crate::model::{Etag, Tagger};
use crate::tenancy::TenantScope;

/// The tag of a document that was made for a scope: another as soon as anything in it is.
pub fn tag_document(installation: &Installation, scope: &TenantScope, document: &[u8]) -> Etag {
    Tagger::new(installation.keys.etags, scope.tenant().id).tag("_openapi", document)
}
