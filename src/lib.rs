//! Tenantry: the back end of a multi-tenant product in one binary.
pub mod catalog;
pub mod cli;
pub mod clock;
pub mod config;
pub mod db;
pub mod error;
pub mod http;
pub mod id;
pub mod jobs;
pub mod model;
pub mod policy;
pub mod random;
pub mod service;
pub mod telemetry;
pub mod tenancy;
