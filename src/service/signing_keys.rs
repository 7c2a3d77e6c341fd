//! The keys that sign access tokens: listed and rotated.

use super::{Installation, detached};
use crate::catalog::By;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use serde_json::json;
use std::sync::Arc;

/// One key.
#[derive(Debug, serde::Serialize)]
pub struct KeyState {
    /// Its id, as it stands in tokens.
    pub kid: String,
    /// Whether it signs; else it verifies only.
    pub signs: bool,
    /// When it was made; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_at: Option<Timestamp>,
    /// Its age in whole days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_days: Option<i64>,
    /// When a key that signs no more is retired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verifies_until: Option<Timestamp>,
}

/// The keys that count, the one that signs first.
pub fn list_keys(installation: &Installation) -> Vec<KeyState> {
    let now = installation.clock.now();
    let keys = installation.tokens.keys();
    let state = |key: &super::keys::VerifyingKey| {
        let made_at = Some(key.made_at).filter(|made_at| made_at.0 > 0);
        KeyState {
            kid: key.id.clone(),
            signs: key.until.is_none(),
            made_at,
            age_days: made_at.map(|made_at| now.since(made_at) / crate::clock::DAY),
            verifies_until: key.until,
        }
    };
    keys.all(now).map(state).collect()
}

/// Another key signs from now on. The old one verifies until its last token has ended; in an emergency it is refused at
/// once, so that every client has to refresh. Sessions and refresh tokens live on: a refresh token is checked against the
/// digest in the catalog, so a stolen key makes none that passes, and to replace that key would sign everybody out.
///
/// # Errors
/// The disk refuses; nothing is changed then.
pub async fn rotate_keys(installation: &Arc<Installation>, emergency: bool, by: By) -> Result<Vec<KeyState>> {
    let installation = Arc::clone(installation);
    detached(async move {
        let rotating = Arc::clone(&installation);
        tokio::task::spawn_blocking(move || rotating.tokens.rotate(emergency))
            .await
            .unwrap_or_else(|error| Err(Error::internal(error)))?;
        let keys = list_keys(&installation);
        let kid = keys.first().map(|key| key.kid.clone());
        installation
            .catalog
            .write("keys_rotated", move |tx| {
                tx.audit(&by, "keys.rotated", "installation", &json!({ "kid": kid, "emergency": emergency }))
            })
            .await?;
        tracing::info!(emergency, "another key signs access tokens");
        Ok(keys)
    })
    .await
}
