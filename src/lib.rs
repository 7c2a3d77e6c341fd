//! Tenantry: the back end of a multi-tenant product in one binary. Every customer lives in a SQLite file of its own.
//!
//! # The map of the house
//!
//! | room | what is in it |
//! |---|---|
//! | [`cli`] | one file per command |
//! | [`http`] | router, layers, extractors, problem bodies, one file per resource; the only place that names axum; documents about the API |
//! | [`jobs`] | when background work runs |
//! | [`service`] | what the product does, one file per capability: authorise, one transaction, audit |
//! | [`tenancy`] | the only door to tenant files; their SQL is under `tenancy::tx` |
//! | [`catalog`] | all SQL of the shared database, one file per noun |
//! | [`db`] | the SQL seam: pools, the writer with group commit, constraint errors; the only place that names rusqlite |
//! | [`model`], [`policy`] | plain data and its validation; who may do what |
//! | [`rating`] | prices x quantities -> money, and the calendar it goes by |
//! | [`error`], [`id`], [`clock`], [`random`], [`config`] | what everyone uses |
//! | [`niceness`], [`paced`] | which threads give way; how long files are written beside what others wait for |
//! | [`fault`] | power failures and held moments for tests; nothing of it in a release |
//! | [`telemetry`] | the log, figures of tenants in memory and in telemetry.db, metrics |
//! | [`embedded`] | the server as a part of another program |
//!
//! Imports go one way: `cli -> embedded -> http, jobs -> service -> tenancy -> catalog -> db -> model, error, id, clock`; what counts
//! names [`telemetry`], which names `db` and what is below it.
//! `tests/layering.rs` holds that.
//!
//! # One request
//!
//! `http::connection` gives the peer a time for sending it. `http::layers` gives it an id, a deadline and a panic guard. The extractor in the handler's signature
//! (`Allowed<WriteRecords>`) reads the token, then session, identity, tenant, membership and permission, and hands over a
//! [`tenancy::TenantScope`]: the proof of access. The handler calls one function of [`service`], which asks the scope
//! again in the words of the act and opens one transaction; the tenant's file is leased at its first use. Its statements
//! are in `tenancy::tx` or [`catalog`]. An error carries a public sentence and a private cause; `http::problem` writes the first.
//!
//! # One write
//!
//! A write is queued at its file's writer. Whoever finds the queue idle becomes the leader, runs every queued closure in a
//! savepoint of its own, commits once, and answers all. See `db::writer`.
//!
//! # One SQL statement that somebody wrote
//!
//! SQLite can work for minutes where no deadline is looked at, so `tenancy::console` starts the program once more for
//! each such statement and kills it in time. The far end is `tenancy::console::worker`, the connection `db::console`.
//! A program that embeds this library names one to start with [`tenancy::Tenancy::run_sql_with`]; its `main` calls
//! [`tenancy::run_worker`] when its first argument is `sql-worker`. Until then statements are answered with 503.

pub mod catalog;
pub mod cli;
pub mod clock;
pub mod config;
pub mod db;
pub mod descriptors;
pub mod embedded;
pub mod error;
pub mod fault;
#[cfg(test)]
mod fuzzing;
pub mod http;
pub mod id;
pub mod jobs;
pub mod model;
pub mod niceness;
pub mod paced;
pub mod policy;
pub mod random;
pub mod rating;
pub mod service;
pub mod telemetry;
pub mod tenancy;

pub use embedded::Server;
