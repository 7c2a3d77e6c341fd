//! The tables of files as they were read: tenants of one version share what is known of them.

use super::Refusal;
use crate::db::Tx;
use crate::error::Result;
use crate::model::table::Schema;
use crate::tenancy::app::App;
use crate::tenancy::{provision, schema};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Schemas that were read, by fingerprint: tenants of one version share one.
#[derive(Default)]
pub(in crate::tenancy) struct Schemas {
    known: Mutex<HashMap<[u8; 32], Arc<Schema>>>,
    newest: OnceLock<Arc<Schema>>,
}

impl Schemas {
    /// What app.toml says of tables and columns that a file which is behind has not got yet is left out.
    pub(super) fn of(
        &self,
        tx: &Tx<'_>,
        app: &App,
        fingerprint: [u8; 32],
        is_behind: bool,
    ) -> Result<Arc<Schema>, Refusal> {
        if let Some(schema) = self.known().get(&fingerprint) {
            return Ok(Arc::clone(schema));
        }
        let mut schema = schema::introspect(tx)?;
        if is_behind && !app.tables.is_empty() {
            app.tables.restrict_older(&mut schema, &*self.newest(app)?)?;
        } else if !is_behind {
            app.tables.restrict(&mut schema)?;
        }
        let schema = Arc::new(schema);
        self.known().insert(fingerprint, Arc::clone(&schema));
        Ok(schema)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<[u8; 32], Arc<Schema>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tables of a file that is up to the app: made once, as that takes all its migrations.
    fn newest(&self, app: &App) -> Result<Arc<Schema>, Refusal> {
        if let Some(newest) = self.newest.get() {
            return Ok(Arc::clone(newest));
        }
        let newest = Arc::new(provision::schema_of(app)?);
        Ok(Arc::clone(self.newest.get_or_init(|| newest)))
    }
}
