//! SQL that people write themselves: read only, bounded, and each statement in the audit log.

use crate::catalog::By;
use crate::clock::monotonic;
use crate::error::{Error, Kind, Result};
use crate::model::hex::hex;
use crate::policy::Permission;
use crate::tenancy::{CatalogOf, Console, ConsoleAnswer, ConsoleQuery, Reply, TenantScope};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::time::Instant;

/// Bytes of a statement that its entry in the audit log keeps.
const KEPT: usize = 2_000;

/// Runs one statement and answers its rows as JSON.
///
/// # Errors
/// 403 without `records:sql`; 429 and 503 when too many run; else as
/// [`ConsoleAnswer::into_json`](crate::tenancy::ConsoleAnswer::into_json) says. What is not in the audit log is not
/// answered.
pub async fn run_sql(scope: &TenantScope, sql: String, params: Option<Value>) -> Result<Vec<u8>> {
    scope.require(Permission::RecordsSql)?;
    let query = ConsoleQuery::new(sql, params)?;
    let console = scope.console().await?;
    let sql = query.sql.clone();
    let (answer, written) = run_audited(scope, console, query, "records.sql").await;
    written?;
    answer?.into_json(&sql)
}

/// Runs one statement and writes what came of it into the tenant's audit log, as `action`. Whoever answers the rows
/// looks first whether that was written.
pub(super) async fn run_audited(
    scope: &TenantScope,
    console: Console<'_>,
    query: ConsoleQuery,
    action: &'static str,
) -> (Result<ConsoleAnswer>, Result<()>) {
    let entry = Entry::begin(scope, &query, action);
    let answer = console.run(query).await;
    let written = entry.end(answer.as_ref().ok()).await;
    (answer, written)
}

/// What entries of the audit log say of a statement. The values of parameters are not kept: they may be anything.
pub(super) fn described(query: &ConsoleQuery) -> Value {
    let mut ends = (0..=KEPT.min(query.sql.len())).rev();
    let end = ends.find(|end| query.sql.is_char_boundary(*end)).unwrap_or_default();
    let mut details = json!({ "sql": query.sql[..end], "params": query.params() });
    if end < query.sql.len() {
        details["sql_bytes"] = query.sql.len().into();
        details["sql_sha256"] = hex(&Sha256::digest(query.sql.as_bytes())).into();
    }
    details
}

/// The entry of a statement that runs. It is written also for one whose client hangs up.
struct Entry {
    catalog: Option<CatalogOf>,
    by: By,
    action: &'static str,
    details: Value,
    begun: Instant,
}

impl Entry {
    fn begin(scope: &TenantScope, query: &ConsoleQuery, action: &'static str) -> Entry {
        let (by, details) = (scope.by().clone(), described(query));
        Entry { catalog: Some(scope.catalog()), by, action, details, begun: monotonic() }
    }

    /// Writes it, with what came of the statement.
    async fn end(mut self, answer: Option<&ConsoleAnswer>) -> Result<()> {
        let outcome = match answer.map(|answer| &answer.reply) {
            Some(Reply::Rows { rows, truncated, .. }) => {
                self.details["rows"] = (*rows).into();
                self.details["truncated"] = (*truncated).into();
                "rows"
            }
            Some(Reply::Refused(what)) => {
                self.details["refused"] = what.as_str().into();
                "refused"
            }
            Some(Reply::Sql(..) | Reply::Params(_)) => "mistaken",
            Some(Reply::Deadline) => "deadline_passed",
            Some(Reply::Memory) => "out_of_memory",
            Some(Reply::Failed(_)) | None => "failed",
        };
        match self.take(outcome) {
            Some(write) => write.await,
            None => Ok(()),
        }
    }

    /// The write of the entry, once.
    fn take(&mut self, outcome: &str) -> Option<impl Future<Output = Result<()>> + Send + use<>> {
        let catalog = self.catalog.take()?;
        let (by, action, mut details) = (self.by.clone(), self.action, self.details.take());
        details["outcome"] = outcome.into();
        details["duration_ms"] = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX).into();
        Some(async move {
            catalog
                .write("audit_sql", move |of| {
                    // Nothing is written behind the back of an erasure, which ended this statement.
                    if !of.tenant()?.status.is_visible() {
                        return Err(Error::not_found());
                    }
                    of.audit(&by, action, "", &details)
                })
                .await
        })
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let Some(write) = self.take("abandoned") else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = write.await
                    && error.kind() != Kind::NotFound
                {
                    tracing::error!(error = ?error, "the audit log lacks a SQL statement that was abandoned");
                }
            });
        }
    }
}
