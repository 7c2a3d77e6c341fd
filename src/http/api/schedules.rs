//! Schedules: work that is done again and again.

use crate::error::{Error, Result};
use crate::http::body::{Fields, Object};
use crate::http::problem::Answer;
use crate::http::repeats::repeatable;
use crate::http::routes::{NONE, Routes, Verb};
use crate::http::scope::{Allowed, Need, ReadJobs, WriteJobs};
use crate::id::ScheduleId;
use crate::service::Installation;
use crate::service::schedules::{self, Schedule, ScheduleIn};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Times that are told of one schedule.
const NEXT_RUNS: usize = 5;

pub(super) fn routes() -> Routes {
    Routes::default()
        .tenant(WriteJobs::BOTH, Verb::Post, "/schedules", NONE, repeatable(create))
        .tenant(ReadJobs::BOTH, Verb::Get, "/schedules", NONE, list)
        .tenant(ReadJobs::BOTH, Verb::Get, "/schedules/{schedule}", NONE, get)
        .tenant(WriteJobs::BOTH, Verb::Patch, "/schedules/{schedule}", NONE, change)
        .tenant(WriteJobs::BOTH, Verb::Delete, "/schedules/{schedule}", NONE, delete)
}

#[derive(Deserialize)]
struct SchedulePath {
    schedule: String,
}

impl SchedulePath {
    fn id(&self) -> Result<ScheduleId> {
        ScheduleId::parse(&self.schedule).ok_or_else(Error::not_found)
    }
}

fn schedule_out(schedule: &Schedule) -> Value {
    json!({
        "id": schedule.id,
        "cron": schedule.cron,
        "timezone": schedule.timezone,
        "kind": schedule.kind,
        "payload": serde_json::from_str::<Value>(&schedule.payload).unwrap_or_default(),
        "missed": schedule.missed,
        "paused": schedule.paused,
        "next_run_at": schedule.next_run_at,
        "last_run_at": schedule.last_run_at,
        "last_job_id": schedule.last_job_id,
        "last_error": schedule.last_error,
        "created_by": schedule.created_by,
        "created_at": schedule.created_at,
        "updated_at": schedule.updated_at,
    })
}

fn whole_schedule_out(installation: &Installation, schedule: &Schedule) -> Value {
    let mut out = schedule_out(schedule);
    out["next_runs"] = schedules::next_runs(installation, schedule, NEXT_RUNS).into();
    out
}

fn read(body: Object, is_new: bool) -> Result<ScheduleIn> {
    let mut fields = Fields::of(body);
    let (cron, kind) = if is_new {
        (Some(fields.text("cron")), Some(fields.text("kind")))
    } else {
        (fields.optional_text("cron"), fields.optional_text("kind"))
    };
    let input = ScheduleIn {
        cron,
        kind,
        timezone: fields.optional_text("timezone"),
        payload: fields.optional_value("payload"),
        missed: fields.optional_text("missed"),
        paused: fields.optional_flag("paused"),
    };
    fields.finish()?;
    Ok(input)
}

async fn create(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<WriteJobs>,
    body: Object,
) -> Answer {
    let made = schedules::create_schedule(&installation, &allowed.scope, read(body, true)?).await?;
    let location = format!("/api/v1/tenants/{}/schedules/{}", allowed.scope.tenant().slug, made.id);
    Ok(super::created(&location, &whole_schedule_out(&installation, &made)))
}

async fn list(allowed: Allowed<ReadJobs>) -> Answer {
    let all = schedules::list_schedules(&allowed.scope).await?;
    Ok(super::list(&all.iter().map(schedule_out).collect::<Vec<_>>(), None))
}

async fn get(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ReadJobs>,
    Path(path): Path<SchedulePath>,
) -> Answer<Json<Value>> {
    let schedule = schedules::find_schedule(&allowed.scope, path.id()?).await?;
    Ok(Json(whole_schedule_out(&installation, &schedule)))
}

async fn change(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<WriteJobs>,
    Path(path): Path<SchedulePath>,
    body: Object,
) -> Answer<Json<Value>> {
    let (id, change) = (path.id()?, read(body, false)?);
    let changed = schedules::change_schedule(&installation, &allowed.scope, id, change).await?;
    Ok(Json(whole_schedule_out(&installation, &changed)))
}

async fn delete(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<WriteJobs>,
    Path(path): Path<SchedulePath>,
) -> Answer<StatusCode> {
    schedules::delete_schedule(&installation, &allowed.scope, path.id()?).await?;
    Ok(StatusCode::NO_CONTENT)
}
