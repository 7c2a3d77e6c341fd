//! The program `tenantry`. Everything is in the library.

fn main() -> std::process::ExitCode {
    tenantry::cli::run()
}
