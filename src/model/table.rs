//! stub
/// stub
pub struct Schema;
