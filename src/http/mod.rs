//! HTTP: the router, what every request passes through, and one file per resource. The only place that names axum.

mod address;
mod api;
mod assets;
mod body;
mod conditions;
mod connection;
mod cookies;
mod doctor;
mod gate;
mod health;
mod large_body;
mod layers;
mod markup;
mod openapi;
mod pages;
mod patience;
mod places;
mod principal;
mod problem;
mod public_files;
mod query;
mod ranges;
mod receipt_page;
mod repeats;
mod routes;
mod scope;
mod server;
mod shedding;
#[cfg(test)]
mod tests;
mod traces;
mod verb;
mod warnings;
mod webhooks;

pub use doctor::examine;
pub use openapi::{Audience, tables_document, typescript};
pub use receipt_page::html as receipt_page;
pub use routes::RouteInfo;
pub use server::{Server, routes};
