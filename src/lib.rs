//! Tenantry
pub mod clock;
pub mod db;
pub mod error;
pub mod id;
pub mod random;
