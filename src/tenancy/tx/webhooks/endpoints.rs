//! Endpoints: made, seen, changed, removed.

use crate::clock::Timestamp;
use crate::db::{DbError, Row};
use crate::error::{Error, Result};
use crate::id::WebhookEndpointId;
use crate::model::webhook::{
    Endpoint, EndpointTerms, EventType, MOST_ENDPOINTS, OVERLAP, ReadsAs, SigningKey,
};
use crate::params;
use crate::policy::{Permission, PermissionSet};
use crate::tenancy::tx::TenantTx;

const COLUMNS: &str = "id, url, description, events, status, disabled_reason, failing_since, missed, old_until, \
                       created_by, created_at, updated_at, withheld, maker";

/// An endpoint that was disabled by itself, of which its owners are to be told.
#[derive(Clone, Debug)]
pub struct Disabled {
    /// Whereto it was sent.
    pub url: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

fn endpoint(row: &Row<'_>) -> Result<Endpoint, DbError> {
    Ok(Endpoint {
        id: row.get(0)?,
        url: row.get(1)?,
        description: row.get(2)?,
        events: row.get::<String>(3)?.split_whitespace().map(str::to_owned).collect(),
        status: row.get(4)?,
        disabled_reason: row.get(5)?,
        failing_since: row.get(6)?,
        missed_changes: row.get(7)?,
        old_secret_until: row.get(8)?,
        created_by: row.get(9)?,
        created_at: row.get(10)?,
        updated_at: row.get(11)?,
        withheld_events: row.get(12)?,
        acts_for: row.get(13)?,
    })
}

/// The columns of [`reads_as`], of which the first is the one at `at`.
pub(super) const READS_AS: &str = "maker, reads_as, permissions, reads_records";

pub(super) fn reads_as(row: &Row<'_>, at: usize) -> Result<ReadsAs, DbError> {
    let permissions: PermissionSet =
        row.get::<String>(at + 2)?.split_whitespace().filter_map(Permission::parse).collect();
    Ok(ReadsAs { maker: row.get(at)?, role: row.get(at + 1)?, permissions, reads_records: row.get(at + 3)? })
}

fn written(events: &[EventType]) -> String {
    events.iter().map(|event| event.name()).collect::<Vec<_>>().join(" ")
}

impl TenantTx<'_> {
    /// Makes an endpoint. It is told of what happens from now on.
    ///
    /// # Errors
    /// 409 `too_many_endpoints`.
    pub fn insert_webhook_endpoint(
        &self,
        id: WebhookEndpointId,
        terms: &EndpointTerms,
        key: &SigningKey,
    ) -> Result<Endpoint> {
        let reads_as = terms.reads_as.as_ref().ok_or_else(|| Error::internal("an endpoint of nobody"))?;
        if self.tx.count("SELECT count(*) FROM _webhook_endpoints", &[])? >= MOST_ENDPOINTS {
            return Err(Error::conflict(
                "too_many_endpoints",
                format!(
                    "A tenant has at most {MOST_ENDPOINTS} webhook endpoints. Remove one that is not needed."
                ),
            ));
        }
        self.tx.execute(
            "INSERT INTO _webhook_endpoints (id, url, description, events, reads_as, permissions, reads_records, secret,
               status, seen, maker, created_by, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'enabled', ?9, ?10, ?10, ?11, ?11)",
            params![
                id,
                terms.url.as_str(),
                &terms.description,
                written(&terms.events),
                reads_as.role.as_deref(),
                reads_as.permissions.names().join(" "),
                reads_as.reads_records,
                key.secret(),
                self.latest_change()?,
                reads_as.maker.as_str(),
                self.now()
            ],
        )?;
        self.find_webhook_endpoint(id)
    }

    /// One endpoint.
    ///
    /// # Errors
    /// 404.
    pub fn find_webhook_endpoint(&self, id: WebhookEndpointId) -> Result<Endpoint> {
        let sql = format!("SELECT {COLUMNS} FROM _webhook_endpoints WHERE id = ?1");
        self.tx.query_row(&sql, params![id], endpoint)?.ok_or_else(Error::not_found)
    }

    /// All of them, the oldest first: there are few.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_webhook_endpoints(&self) -> Result<Vec<Endpoint>> {
        let sql = format!("SELECT {COLUMNS} FROM _webhook_endpoints ORDER BY id");
        Ok(self.tx.query(&sql, &[], endpoint)?)
    }

    /// Changes what an endpoint is. One that is enabled again is told of what happens from now on, and of what was on its
    /// way before; but where it goes elsewhere, or acts for somebody who does not know all that the one before knew, that
    /// ends, and is not replayed. `covers` says whether the first may be told of all that the second may be told of.
    ///
    /// # Errors
    /// 404.
    pub fn update_webhook_endpoint(
        &self,
        id: WebhookEndpointId,
        terms: &EndpointTerms,
        is_enabled: Option<bool>,
        covers: &dyn Fn(&ReadsAs, &ReadsAs) -> bool,
    ) -> Result<Endpoint> {
        let before = self.find_webhook_endpoint(id)?;
        self.tx.execute(
            "UPDATE _webhook_endpoints SET description = ?2, updated_at = ?3 WHERE id = ?1",
            params![id, &terms.description, self.now()],
        )?;
        if let Some(reads_as) = &terms.reads_as {
            if before.url != terms.url.as_str() || !covers(reads_as, &self.find_reads_as(id)?) {
                self.end_webhook_terms(id)?;
            }
            self.tx.execute(
                "UPDATE _webhook_endpoints SET url = ?2, events = ?3, reads_as = ?4, permissions = ?5,
                   reads_records = ?6, maker = ?7 WHERE id = ?1",
                params![
                    id,
                    terms.url.as_str(),
                    written(&terms.events),
                    reads_as.role.as_deref(),
                    reads_as.permissions.names().join(" "),
                    reads_as.reads_records,
                    reads_as.maker.as_str()
                ],
            )?;
        }
        let hears_records = |names: &[String]| names.iter().any(|name| name.starts_with("record."));
        let is_new_to_records = !hears_records(&before.events);
        let was_enabled = before.status == "enabled";
        let is_enabled = is_enabled.unwrap_or(was_enabled);
        if is_enabled && (!was_enabled || is_new_to_records) {
            let latest = self.latest_change()?;
            self.tx.execute("UPDATE _webhook_endpoints SET seen = ?2 WHERE id = ?1", params![id, latest])?;
        }
        if is_enabled && !was_enabled {
            self.tx.execute(
                "UPDATE _webhook_endpoints SET status = 'enabled', disabled_reason = NULL, failing_since = NULL,
                   notice_due = 0 WHERE id = ?1",
                params![id],
            )?;
        } else if was_enabled && !is_enabled {
            self.disable_webhook_endpoint(id, "by_hand", false)?;
        }
        self.find_webhook_endpoint(id)
    }

    /// As whom an endpoint is told.
    fn find_reads_as(self, id: WebhookEndpointId) -> Result<ReadsAs> {
        let sql = format!("SELECT {READS_AS} FROM _webhook_endpoints WHERE id = ?1");
        self.tx.query_row(&sql, params![id], |row| reads_as(row, 0))?.ok_or_else(Error::not_found)
    }

    /// Ends what was made under the terms of an endpoint so far.
    fn end_webhook_terms(self, id: WebhookEndpointId) -> Result<()> {
        let ended = self.tx.execute(
            "UPDATE _webhook_deliveries SET status = 'withheld', next_at = NULL, ended_at = ?2
             WHERE endpoint_id = ?1 AND status = 'pending'",
            params![id, self.now()],
        )?;
        self.tx.execute(
            "UPDATE _webhook_endpoints SET terms = terms + 1, withheld = withheld + ?2 WHERE id = ?1",
            params![id, i64::try_from(ended).unwrap_or(i64::MAX)],
        )?;
        Ok(())
    }

    /// For whom an endpoint acts, if there is one.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_webhook_maker(&self, id: WebhookEndpointId) -> Result<Option<String>> {
        let sql = "SELECT maker FROM _webhook_endpoints WHERE id = ?1";
        Ok(self.tx.query_row(sql, params![id], |row| row.get(0))?)
    }

    /// Disables an endpoint. What is on its way to it stays, for when it is enabled again.
    pub(super) fn disable_webhook_endpoint(
        self,
        id: WebhookEndpointId,
        reason: &str,
        is_told: bool,
    ) -> Result<()> {
        self.tx.execute(
            "UPDATE _webhook_endpoints SET status = 'disabled', disabled_reason = ?2, notice_due = ?3, updated_at = ?4
             WHERE id = ?1",
            params![id, reason, is_told, self.now()],
        )?;
        Ok(())
    }

    /// Removes an endpoint with all that is on its way to it and that was sent.
    ///
    /// # Errors
    /// 404.
    pub fn delete_webhook_endpoint(&self, id: WebhookEndpointId) -> Result<()> {
        let gone = self.tx.execute("DELETE FROM _webhook_endpoints WHERE id = ?1", params![id])?;
        if gone == 0 { Err(Error::not_found()) } else { Ok(()) }
    }

    /// Puts another secret in the place of the one that signs; that goes on to sign beside it for a day.
    ///
    /// # Errors
    /// 404.
    pub fn rotate_webhook_secret(&self, id: WebhookEndpointId, key: &SigningKey) -> Result<Endpoint> {
        self.tx.execute(
            "UPDATE _webhook_endpoints SET old_secret = secret, old_until = ?3, secret = ?2, updated_at = ?4 WHERE id = ?1",
            params![id, key.secret(), self.now().plus(OVERLAP), self.now()],
        )?;
        self.find_webhook_endpoint(id)
    }

    /// The keys that sign what is sent to an endpoint now, the newest first.
    pub(super) fn webhook_keys(self, id: WebhookEndpointId) -> Result<Vec<SigningKey>> {
        let now = self.now();
        let keys = self.tx.query_row(
            "SELECT secret, old_secret, old_until FROM _webhook_endpoints WHERE id = ?1",
            params![id],
            |row| {
                let (secret, old): (String, Option<String>) = (row.get(0)?, row.get(1)?);
                let until: Option<Timestamp> = row.get(2)?;
                let old = old.filter(|_| until.is_some_and(|until| now < until));
                Ok([Some(secret), old])
            },
        )?;
        let texts = keys.into_iter().flatten().flatten();
        texts
            .map(|text| SigningKey::of(&text).ok_or_else(|| Error::internal("a secret that is none")))
            .collect()
    }

    /// The endpoint if its owners are to be told that it was disabled.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_disabled_webhook_endpoint(&self, id: WebhookEndpointId) -> Result<Option<Disabled>> {
        Ok(self.tx.query_row(
            "SELECT url, coalesce(disabled_reason, ''), updated_at FROM _webhook_endpoints WHERE id = ?1 AND notice_due = 1",
            params![id],
            |row| Ok(Disabled { url: row.get(0)?, reason: row.get(1)?, at: row.get(2)? }),
        )?)
    }

    /// Notes that they were told.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_webhook_owners_told(&self, id: WebhookEndpointId) -> Result<()> {
        self.tx.execute("UPDATE _webhook_endpoints SET notice_due = 0 WHERE id = ?1", params![id])?;
        Ok(())
    }

    /// Whether any endpoint is told of records.
    ///
    /// # Errors
    /// As the database says.
    pub(in crate::tenancy) fn tells_of_records(self) -> Result<bool, DbError> {
        self.tx.exists(
            "SELECT 1 FROM _webhook_endpoints WHERE status = 'enabled' AND events LIKE '%record.%' LIMIT 1",
            &[],
        )
    }
}
