//! The API: one file per resource, each a list of its routes and their handlers.

mod api_keys;
mod audit;
mod auth;
mod backups;
mod billing;
mod changes;
mod clones;
mod doctor;
mod emails;
mod exports;
mod factors;
mod files;
mod fleet_query;
mod imports;
mod invitations;
mod invoices;
mod jobs;
mod mailbox;
mod margins;
mod me;
mod members;
mod migrations;
mod moves;
mod openapi;
mod operator;
mod operator_jobs;
mod paging;
mod passwords;
mod plans;
mod records;
mod roles;
mod schedules;
mod service_identities;
mod settings;
mod setup;
mod sql;
mod stripe;
mod subscriptions;
mod telemetry;
mod tenants;
mod usage;
mod webhooks;

use super::routes::Routes;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// All routes.
pub(super) fn routes() -> Routes {
    Routes::default()
        .and(auth::routes())
        .and(factors::routes())
        .and(passwords::routes())
        .and(emails::routes())
        .and(me::routes())
        .and(tenants::routes())
        .and(members::routes())
        .and(invitations::routes())
        .and(roles::routes())
        .and(service_identities::routes())
        .and(api_keys::routes())
        .and(records::routes())
        .and(sql::routes())
        .and(changes::routes())
        .and(files::routes())
        .and(exports::routes())
        .and(imports::routes())
        .and(audit::routes())
        .and(openapi::routes())
        .and(setup::routes())
        .and(operator::routes())
        .and(operator_jobs::routes())
        .and(fleet_query::routes())
        .and(plans::routes())
        .and(subscriptions::routes())
        .and(invoices::routes())
        .and(billing::routes())
        .and(stripe::routes())
        .and(usage::routes())
        .and(margins::routes())
        .and(jobs::routes())
        .and(mailbox::routes())
        .and(schedules::routes())
        .and(webhooks::routes())
        .and(backups::routes())
        .and(migrations::routes())
        .and(moves::routes())
        .and(clones::routes())
        .and(telemetry::routes())
        .and(doctor::routes())
        .and(settings::routes())
}

/// 201 with the whole resource and where it is.
fn created(location: &str, body: &impl Serialize) -> Response {
    let mut response = (StatusCode::CREATED, axum::Json(body)).into_response();
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// A list as every list is.
fn list<T: Serialize>(items: &[T], next_cursor: Option<String>) -> Response {
    axum::Json(serde_json::json!({ "items": items, "next_cursor": next_cursor })).into_response()
}
