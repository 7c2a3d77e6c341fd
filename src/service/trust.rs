//! Whom we trust when we call other servers.

use crate::error::{Error, Result};
use std::sync::Arc;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

/// TLS with the authorities that this machine trusts.
///
/// # Errors
/// 503 `no_certificates` where it knows none.
pub(super) fn trusting_this_machine() -> Result<TlsConfig> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let why = found.errors.first().map(ToString::to_string).unwrap_or_default();
        return Err(Error::unavailable(
            "no_certificates",
            "This machine has no certificates of authorities, so that no other server can be known. Install \
             ca-certificates.",
            60,
        )
        .because(why));
    }
    let roots: Vec<Certificate<'static>> =
        found.certs.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .build())
}
