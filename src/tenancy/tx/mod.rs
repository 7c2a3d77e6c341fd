//! The SQL of tenant files, one module per noun.
pub mod records;
