//! Tenantry
pub mod clock;
pub mod db;
pub mod error;
pub mod id;
pub mod model;
pub mod random;
pub mod tenancy;
