//! What the types of the door do not let through, in pairs: a program that compiles, and beside it those that must
//! not. Without the first, the others might fail for a reason that has nothing to do with the door.
//!
//! The first kind is compiled with this very test, which is quicker than to link each on its own.

#![allow(dead_code, reason = "that they compile is all that is asked of them")]

#[path = "compile_fail/catalog_tx_for_catalog_code_works.rs"]
mod catalog_tx_for_catalog_code_works;
#[path = "compile_fail/query_works.rs"]
mod query_works;
#[path = "compile_fail/scope_lent_works.rs"]
mod scope_lent_works;
#[path = "compile_fail/scope_of_a_member_works.rs"]
mod scope_of_a_member_works;

#[test]
fn a_tenants_file_is_reached_through_a_scope_and_a_scope_is_neither_made_nor_copied() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*_refused.rs");
}
