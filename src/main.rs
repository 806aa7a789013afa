//! The `countersign` binary; `cli` has all of it.
use std::process::ExitCode;

fn main() -> ExitCode {
    countersign::cli::main()
}
