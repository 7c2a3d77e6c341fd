//! Tenantry: the back end of a multi-tenant product in one binary.
pub mod catalog;
pub mod clock;
pub mod config;
pub mod db;
pub mod error;
pub mod id;
pub mod model;
pub mod policy;
pub mod random;
pub mod tenancy;
