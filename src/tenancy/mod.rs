//! (being written)
pub mod schema;
pub mod tx;
