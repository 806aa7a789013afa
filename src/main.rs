//! The `countersign` binary; `cli` has all of it.
use mimalloc::MiMalloc;
use std::process::ExitCode;

/// Pages, exports and verification are made of short strings, which glibc's allocator takes a third of their time for
/// (`docs/decisions/0025-the-allocator.md`).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    countersign::cli::main()
}
