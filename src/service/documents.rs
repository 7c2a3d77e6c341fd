//! Documents about a tenant's API: their tags.

use super::Installation;
use crate::model::{Etag, Tagger};
use crate::tenancy::TenantScope;

/// The tag of a document that was made for a scope; `mark` is another as soon as anything in the document is.
pub fn tag_document(installation: &Installation, scope: &TenantScope, mark: &[u8]) -> Etag {
    Tagger::new(installation.keys.etags, scope.tenant().id).tag("_openapi", mark)
}
