//! Usage: events, what they come to, meters and limits.

use super::paging::Paging;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::http::body::{Fields, JsonBytes, NoBody, Object};
use crate::http::principal::SignedInOperator;
use crate::http::problem::Answer;
use crate::http::query;
use crate::http::repeats::repeatable;
use crate::http::routes::{Access, NONE, Params, Routes, Verb};
use crate::http::scope::{Allowed, EmitUsage, Need, ReadLimits, ReadUsage, SetSpendCap};
use crate::model::meter::Meter;
use crate::model::money::Amount;
use crate::model::plan::Decimal;
use crate::service::Installation;
use crate::service::usage::{
    self, LimitLine, Limits, Outcome, UsageAnswer, UsageAsked, UsageEvent, UsageFault, UsageRefusal,
};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn routes() -> Routes {
    Routes::default()
        .tenant(EmitUsage::BOTH, Verb::Post, "/usage-events", NONE, take)
        .tenant(
            ReadUsage::BOTH,
            Verb::Get,
            "/usage-events",
            Params::Only(&["meter", "seq_from", "seq_to", "cursor", "limit"]),
            list,
        )
        .tenant(ReadUsage::BOTH, Verb::Get, "/usage-events/{seq}", NONE, get)
        .tenant(EmitUsage::BOTH, Verb::Post, "/usage-events/{seq}/void", NONE, repeatable(void))
        .add(
            Access::Operator,
            Verb::Post,
            "/operator/tenants/{selector}/usage-events/{seq}/void",
            NONE,
            repeatable(correct),
        )
        .add(Access::Operator, Verb::Get, "/operator/tenants/{selector}/limits", NONE, find_limits_of)
        .tenant(ReadUsage::BOTH, Verb::Get, "/usage", Params::Only(&["meter", "from", "to", "window"]), find)
        .tenant(ReadUsage::BOTH, Verb::Get, "/meters", NONE, list_meters)
        .tenant(ReadLimits::BOTH, Verb::Get, "/limits", NONE, find_limits)
        .tenant(SetSpendCap::BOTH, Verb::Patch, "/limits", NONE, set_spend_cap)
}

#[derive(Deserialize)]
struct EventPath {
    seq: String,
}

impl EventPath {
    fn seq(&self) -> Result<i64> {
        self.seq.parse().ok().filter(|seq| *seq > 0).ok_or_else(Error::not_found)
    }
}

async fn take(allowed: Allowed<EmitUsage>, body: JsonBytes) -> Answer {
    Ok(match usage::take_usage_events(&allowed.scope, &body.0).await? {
        UsageAnswer::One(seq, true) => {
            (StatusCode::CREATED, Json(json!({ "seq": seq, "status": "accepted" }))).into_response()
        }
        UsageAnswer::One(seq, false) => Json(json!({ "seq": seq, "status": "duplicate" })).into_response(),
        UsageAnswer::Many(each) => many(&each),
    })
}

fn many(each: &[Result<Outcome, UsageFault>]) -> Response {
    let (mut accepted, mut duplicates, mut rejected) = (0, 0, 0);
    let results: Vec<Value> = each
        .iter()
        .enumerate()
        .map(|(index, outcome)| match outcome {
            Ok(Outcome::Accepted(seq)) => {
                accepted += 1;
                json!({ "index": index, "status": "accepted", "seq": seq })
            }
            Ok(Outcome::Duplicate(seq)) => {
                duplicates += 1;
                json!({ "index": index, "status": "duplicate", "seq": seq })
            }
            Ok(Outcome::Refused(refusal)) => {
                rejected += 1;
                refused(index, refusal)
            }
            Err(fault) => {
                rejected += 1;
                json!({
                    "index": index, "status": "rejected", "code": fault.code, "field": fault.field,
                    "message": fault.message,
                })
            }
        })
        .collect();
    Json(json!({ "accepted": accepted, "duplicates": duplicates, "rejected": rejected, "results": results }))
        .into_response()
}

fn refused(index: usize, refusal: &UsageRefusal) -> Value {
    json!({ "index": index, "status": "rejected", "code": refusal.code(), "message": refusal.message() })
}

fn quantity(quantity: i64, scale: u8) -> String {
    let sign = if quantity < 0 { "-" } else { "" };
    format!("{sign}{}", Decimal::of_scaled(quantity.saturating_abs(), scale))
}

fn cost(micros: i128) -> String {
    Amount(i64::try_from(micros).unwrap_or(i64::MAX)).to_string()
}

fn event_out(event: &UsageEvent, scale: u8) -> Value {
    json!({
        "seq": event.seq,
        "meter": event.meter,
        "quantity": quantity(event.quantity, scale),
        "cost_cents": cost(event.cost.into()),
        "occurred_at": Timestamp(event.occurred_at),
        "received_at": Timestamp(event.received_at),
        "idempotency_key": event.key,
        "properties": event.properties.as_ref().and_then(|text| serde_json::from_str::<Value>(text).ok()),
        "voids": event.voids,
        "sent_by": event.sender,
    })
}

/// The number of an event as a parameter says it.
fn number(pairs: &[(String, String)], name: &str) -> Result<Option<i64>> {
    let Some(text) = query::once(pairs, name)? else { return Ok(None) };
    let number = text.parse().ok().filter(|seq| *seq > 0).ok_or_else(|| {
        Error::malformed("bad_seq", format!("{name} must be the number of an event, from 1 on."))
    })?;
    Ok(Some(number))
}

async fn list(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ReadUsage>,
    uri: Uri,
) -> Answer {
    let pairs = query::pairs(&uri)?;
    let meter = query::once(&pairs, "meter")?.map(str::to_owned);
    let scope = &allowed.scope;
    let (from, to) =
        (number(&pairs, "seq_from")?.unwrap_or(1), number(&pairs, "seq_to")?.unwrap_or(i64::MAX));
    let of_meter = meter.as_deref().unwrap_or_default();
    let context = format!("usage-events {} {of_meter} {from} {to}", scope.tenant().id);
    let paging = Paging::of(&installation, &pairs, context)?;
    let after: Option<i64> = paging.after(|position| position.parse().ok())?;
    let begin = after.map_or(from, |after| after.saturating_add(1));
    let mut events = usage::list_usage_events(scope, meter, begin..=to, paging.fetch()).await?;
    let next = paging.cut(&mut events, |event| event.seq.to_string());
    let scale = |name: &str| scope.meters().get(name).map_or(0, |meter| meter.scale);
    let items: Vec<Value> = events.iter().map(|event| event_out(event, scale(&event.meter))).collect();
    Ok(super::list(&items, next))
}

async fn get(allowed: Allowed<ReadUsage>, Path(path): Path<EventPath>) -> Answer<Json<Value>> {
    let (event, voided_by) = usage::find_usage_event(&allowed.scope, path.seq()?).await?;
    let scale = allowed.scope.meters().get(&event.meter).map_or(0, |meter| meter.scale);
    let mut out = event_out(&event, scale);
    out["voided_by"] = json!(voided_by);
    Ok(Json(out))
}

async fn void(allowed: Allowed<EmitUsage>, Path(path): Path<EventPath>, _: NoBody) -> Answer {
    let seq = path.seq()?;
    let by = usage::void_usage_event(&allowed.scope, seq).await?;
    Ok((StatusCode::CREATED, Json(json!({ "seq": by, "voids": seq, "status": "accepted" }))).into_response())
}

#[derive(Deserialize)]
struct EventOfTenant {
    selector: String,
    seq: String,
}

async fn correct(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<EventOfTenant>,
    _: NoBody,
) -> Answer {
    let (seq, by) = (EventPath { seq: path.seq }.seq()?, operator.acts(&installation)?);
    let by = usage::correct_usage_event(&installation, &path.selector, seq, by).await?;
    Ok((StatusCode::CREATED, Json(json!({ "seq": by, "voids": seq, "status": "accepted" }))).into_response())
}

async fn find(allowed: Allowed<ReadUsage>, uri: Uri) -> Answer {
    let pairs = query::pairs(&uri)?;
    let text = |name| query::once(&pairs, name).map(|value| value.map(str::to_owned));
    let asked = UsageAsked {
        meter: text("meter")?,
        from: query::time(&pairs, "from")?,
        to: query::time(&pairs, "to")?,
        window: text("window")?,
    };
    let found = usage::find_usage(&allowed.scope, &asked).await?;
    let items: Vec<Value> = found
        .iter()
        .map(|(meter, sum)| {
            json!({
                "meter": meter.name,
                "from": Timestamp(sum.period.from),
                "to": Timestamp(sum.period.to),
                "quantity": quantity(sum.quantity, meter.scale),
                "cost_cents": cost(sum.cost),
            })
        })
        .collect();
    Ok(super::list(&items, None))
}

async fn list_meters(allowed: Allowed<ReadUsage>) -> Answer {
    let meter_out = |meter: &Meter| {
        json!({
            "name": meter.name,
            "unit": meter.unit,
            "aggregation": meter.aggregation.name(),
            "scale": meter.scale,
            "property": meter.property,
            "built_in": meter.is_built_in,
        })
    };
    let items: Vec<Value> = allowed.scope.meters().iter().map(|meter| meter_out(meter)).collect();
    Ok(super::list(&items, None))
}

fn line_out(line: &LimitLine) -> Value {
    let text = |amount: i64| quantity(amount, line.meter.scale);
    json!({
        "meter": line.meter.name,
        "unit": line.meter.unit,
        "window": line.limit.window.name(),
        "used": text(line.used),
        "soft": line.limit.soft.map(text),
        "hard": line.limit.hard.map(text),
        "percent": line.percent(),
        "resets_at": usage::resets_at(line),
    })
}

fn limits_out(limits: &Limits) -> Json<Value> {
    let items: Vec<Value> = limits.lines.iter().map(line_out).collect();
    Json(json!({
        "items": items,
        "spend": {
            "currency": limits.currency.code(),
            "cap_cents": limits.spend_cap,
            "spent_cents": limits.spent.to_string(),
            "late_meters": limits.late,
            "unrefused_meters": limits.unrefused,
        },
        "seats": { "used": limits.seats.0, "limit": limits.seats.1 },
        "features": limits.features,
    }))
}

async fn find_limits(allowed: Allowed<ReadLimits>) -> Answer<Json<Value>> {
    Ok(limits_out(&usage::find_limits(&allowed.scope).await?))
}

#[derive(Deserialize)]
struct TenantPath {
    selector: String,
}

async fn find_limits_of(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<TenantPath>,
) -> Answer<Json<Value>> {
    let found = usage::find_limits_for_operator(&installation, &path.selector, operator.by());
    Ok(limits_out(&found.await?))
}

async fn set_spend_cap(allowed: Allowed<SetSpendCap>, body: Object) -> Answer<Json<Value>> {
    let mut fields = Fields::of(body);
    let sent = fields.optional_value("spend_cap_cents");
    fields.finish()?;
    let fault = |code, message: &str| Err(Error::invalid_field("spend_cap_cents", code, message).into());
    let cap = match sent {
        None => return fault("required", "is required: whole minor units, or null for no cap"),
        Some(Value::Null) => None,
        Some(Value::Number(number)) => Some(number.as_i64().unwrap_or(-1)),
        Some(Value::String(text)) => {
            Some(Decimal::parse(&text, 0).and_then(|number| number.scaled(0)).unwrap_or(-1))
        }
        Some(_) => return fault("type", "must be whole minor units, or null for no cap"),
    };
    usage::set_spend_cap(&allowed.scope, cap).await?;
    Ok(limits_out(&usage::find_limits(&allowed.scope).await?))
}
