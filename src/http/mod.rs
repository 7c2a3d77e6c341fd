//! HTTP: the router, what every request passes through, and one file per resource. The only place that names axum.

mod address;
mod api;
mod body;
mod conditions;
mod cookies;
mod health;
mod large_body;
mod layers;
mod pages;
mod principal;
mod problem;
mod query;
mod ranges;
mod routes;
mod scope;
mod server;

pub use routes::RouteInfo;
pub use server::{Server, routes};
