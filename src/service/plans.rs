//! Plans: published from a file or by an operator, and shown to those who choose one.

use super::Installation;
use crate::catalog::{By, CatalogTx, DEFAULT_PLAN, PlanVersion, PlanVersionLine};
use crate::error::{Error, Kind, Result};
use crate::model::plan::{
    FieldChange, KnownMeters, Plan, PlansFile, bad_plan_key, difference, read_plans_file,
};
use crate::model::text::is_key;
use crate::model::{Etag, Preconditions};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Versions of a plan that are listed.
const MOST_VERSIONS: u32 = 500;
/// Fields that an audit entry names.
const MOST_NAMED: usize = 50;

/// What a file would change of one plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanChange {
    /// Key of the plan.
    pub plan: String,
    /// The version that counts so far; 0 for a plan that is new.
    pub from_version: i64,
    /// The version that counts then.
    pub version: i64,
    /// How many tenants stay on what they agreed to.
    pub tenants: i64,
    /// What is different.
    pub changes: Vec<FieldChange>,
}

/// What a file changes of all plans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlansApplied {
    /// Whether it is done.
    pub published: bool,
    /// Plans that are new or differ.
    pub plans: Vec<PlanChange>,
    /// Plans that are as they were.
    pub unchanged: Vec<String>,
    /// Plans that the file does not have. They stay as they are.
    pub not_in_file: Vec<String>,
}

/// The versions that somebody saw before they decided, by plan.
pub type VersionsSeen = BTreeMap<String, i64>;

/// A file with plans, as it was read.
#[derive(Clone, Serialize, Deserialize)]
pub struct PlansFileIn {
    /// Its name, for messages.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// Tells what a file with plans changes and, with the versions that this was decided on, publishes it: all of it or
/// nothing.
///
/// # Errors
/// 400 `plans_malformed`; 422 with every field at fault; 409 `plan_changed` when another version was published meanwhile.
pub async fn apply_plans(
    installation: &Installation,
    file: &PlansFileIn,
    publish: Option<VersionsSeen>,
    by: By,
) -> Result<PlansApplied> {
    let plans = read_plans_file(&file.name, &file.text, &KnownMeters::of(&installation.app().meters))?;
    match publish {
        None => installation.catalog.read(move |tx| compare(tx, &plans)).await,
        Some(seen) => {
            let write = installation.catalog.write("apply_plans", move |tx| {
                let mut applied = compare(tx, &plans)?;
                for change in &applied.plans {
                    if seen.get(&change.plan) != Some(&change.from_version) {
                        return Err(plan_changed(&change.plan, change.from_version));
                    }
                    publish_one(tx, &change.plan, &plans[&change.plan], &by)?;
                }
                applied.published = true;
                Ok(applied)
            });
            write.await
        }
    }
}

fn plan_changed(plan: &str, version: i64) -> Error {
    let detail = format!(
        "The plan {plan} is at version {version} now, which is another than you decided on. Look at it again, then repeat."
    );
    Error::conflict("plan_changed", detail)
}

fn compare(tx: &CatalogTx<'_>, plans: &PlansFile) -> Result<PlansApplied> {
    let current: BTreeMap<String, PlanVersion> =
        tx.list_plans()?.into_iter().map(|plan| (plan.key.clone(), plan)).collect();
    let mut applied = PlansApplied {
        published: false,
        plans: Vec::new(),
        unchanged: Vec::new(),
        not_in_file: current.keys().filter(|key| !plans.contains_key(*key)).cloned().collect(),
    };
    // The one that is built in is in no file.
    applied.not_in_file.retain(|key| key != DEFAULT_PLAN);
    for (key, plan) in plans {
        let before = current.get(key);
        if before.is_some_and(|before| before.digest == plan.digest()) {
            applied.unchanged.push(key.clone());
            continue;
        }
        let from_version = before.map_or(0, |before| before.version);
        applied.plans.push(PlanChange {
            plan: key.clone(),
            from_version,
            version: from_version + 1,
            tenants: tx.count_tenants_on(key)?,
            changes: difference(before.map(|before| &before.plan), plan),
        });
    }
    Ok(applied)
}

fn publish_one(tx: &CatalogTx<'_>, key: &str, plan: &Plan, by: &By) -> Result<PlanVersion> {
    let before = tx.find_plan(key)?;
    let published = tx.publish_plan(key, plan)?;
    let changed: Vec<String> = difference(before.as_ref().map(|before| &before.plan), plan)
        .into_iter()
        .map(|change| change.field)
        .take(MOST_NAMED)
        .collect();
    let details = json!({ "version": published.version, "digest": published.digest, "changed": changed });
    tx.audit(by, "plan.published", &format!("plan:{key}"), &details)?;
    Ok(published)
}

/// Publishes the plans of the app where none was ever published, and the one that is built in.
pub(super) fn publish_first(tx: &CatalogTx<'_>, plans: &PlansFile) -> Result<()> {
    let current = tx.list_plans()?;
    if current.iter().all(|plan| plan.key == DEFAULT_PLAN) {
        for (key, plan) in plans.iter().filter(|(key, _)| current.iter().all(|plan| plan.key != **key)) {
            publish_one(tx, key, plan, &By::system())?;
        }
    }
    tx.ensure_default_plan()
}

/// Says in the log which plans of the app are others than those that count, and what to do about it.
///
/// # Errors
/// As the catalog says.
pub async fn tell_differences(installation: &Installation) -> Result<()> {
    let app = installation.app();
    let (plans, key) = (app.plans.clone(), default_plan(installation).to_owned());
    let (applied, default_plan) =
        installation.catalog.read(move |tx| Ok((compare(tx, &plans)?, tx.find_plan(&key)?))).await?;
    if !applied.plans.is_empty() {
        let names: Vec<&str> = applied.plans.iter().map(|change| change.plan.as_str()).collect();
        tracing::warn!(
            plans = names.join(", "),
            "plans of app.toml differ from the published ones, which count; `tenantry plan apply {}` shows how, and \
             publishes them",
            app.file
        );
    }
    if default_plan.is_none() {
        tracing::error!(
            plan = installation.app().default_plan,
            "default_plan names a plan that was never published: no tenant can be made until `tenantry plan apply` does"
        );
    }
    Ok(())
}

/// The key of the plan that new tenants begin on.
pub(super) fn default_plan(installation: &Installation) -> &str {
    installation.app().default_plan.as_deref().unwrap_or(DEFAULT_PLAN)
}

/// The plans that tenants may choose, each in its newest version.
///
/// # Errors
/// As the catalog says.
pub async fn list_offered_plans(installation: &Installation) -> Result<Vec<PlanVersion>> {
    let mut plans = installation.catalog.read(|tx| tx.list_plans()).await?;
    plans.retain(|plan| plan.plan.offered);
    Ok(plans)
}

/// All plans, each in its newest version, and how many tenants are on any version of it; for operators.
///
/// # Errors
/// As the catalog says.
pub async fn list_plans(installation: &Installation) -> Result<Vec<(PlanVersion, i64)>> {
    let read = installation.catalog.read(|tx| {
        let with_tenants = |plan: PlanVersion| Ok((tx.count_tenants_on(&plan.key)?, plan));
        tx.list_plans()?
            .into_iter()
            .map(|plan| with_tenants(plan).map(|(count, plan)| (plan, count)))
            .collect()
    });
    read.await
}

/// A plan in its newest version, and all its versions.
///
/// # Errors
/// 404 if there is none.
pub async fn find_plan(
    installation: &Installation,
    key: &str,
) -> Result<(PlanVersion, Vec<PlanVersionLine>)> {
    let key = key.to_owned();
    let read = installation.catalog.read(move |tx| {
        let plan = tx.find_plan(&key)?.ok_or_else(unknown_plan)?;
        Ok((plan, tx.list_plan_versions(&key, MOST_VERSIONS)?))
    });
    read.await
}

pub(super) fn unknown_plan() -> Error {
    Error::new(Kind::NotFound, "unknown_plan", "There is no plan of that key. GET /api/v1/plans lists them.")
}

/// The tag of a plan as it counts now: of another version another one, also where both say the same.
pub fn tag(plan: &PlanVersion) -> Etag {
    Etag::of_public(format!("{} {} {}", plan.key, plan.version, plan.digest).as_bytes())
}

/// What an operator puts in the place of a plan, and which one they saw.
pub struct PutPlanIn {
    /// The document.
    pub document: Map<String, Value>,
    /// The version that counted when it was written, 0 for a new plan.
    pub expected_version: Option<i64>,
    /// The same by tags.
    pub preconditions: Preconditions,
}

/// Publishes another version of a plan, or its first. One that says the same as the current version is no new one.
///
/// # Errors
/// 409 `plan_changed` and 412 `precondition_failed` when another version counts; 422 with every field at fault, and when
/// neither says which version was seen.
pub async fn put_plan(
    installation: &Installation,
    key: &str,
    input: PutPlanIn,
    by: By,
) -> Result<PlanVersion> {
    let mut faults = Vec::new();
    if !is_key(key) {
        faults.push(bad_plan_key("key"));
    }
    if input.expected_version.is_none() && input.preconditions.is_empty() {
        faults.push(crate::error::FieldError::new(
            "expected_version",
            "required",
            "is required, or the header If-Match: the version that you saw, 0 for a new plan",
        ));
    }
    let plan = match Plan::read(input.document, "document", &KnownMeters::of(&installation.app().meters)) {
        Ok(plan) if faults.is_empty() => plan,
        read => {
            faults.extend(read.err().into_iter().flatten());
            return Err(Error::invalid(faults));
        }
    };
    let (key, expected, preconditions) = (key.to_owned(), input.expected_version, input.preconditions);
    let write = installation.catalog.write("put_plan", move |tx| {
        let before = tx.find_plan(&key)?;
        let version = before.as_ref().map_or(0, |before| before.version);
        if expected.is_some_and(|expected| expected != version) {
            return Err(plan_changed(&key, version));
        }
        preconditions.admit_write(before.as_ref().map(tag).as_ref())?;
        match before {
            Some(before) if before.digest == plan.digest() => Ok(before),
            _ => publish_one(tx, &key, &plan, &by),
        }
    });
    write.await
}
