//! The program `tenantry`. Everything is in the library.

/// Most of what a request allocates is small and gone with it; this allocator does that in a third of the time.
/// Huge pages are off (`no_thp`): they cost a third of the memory of a server with many tenants.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    tenantry::cli::run()
}
