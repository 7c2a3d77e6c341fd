//! (being written)
pub mod column;
pub mod table;
