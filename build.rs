//! Says what is missing where SQLite would be compiled without its pre-update hook, which the linker says worse.

#[expect(clippy::disallowed_methods, reason = "a build script has no other way")]
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=LIBSQLITE3_FLAGS");
    let flags = std::env::var("LIBSQLITE3_FLAGS").unwrap_or_default();
    assert!(
        flags.contains("SQLITE_ENABLE_PREUPDATE_HOOK"),
        "LIBSQLITE3_FLAGS lacks -DSQLITE_ENABLE_PREUPDATE_HOOK. Build within the source directory, where \
         .cargo/config.toml sets it, or set it yourself."
    );
}
