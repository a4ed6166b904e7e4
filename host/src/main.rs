//! `tap-bigcommerce`: see `tap-bigcommerce --help`.
#![forbid(unsafe_code)]

mod cli;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = cli::args::Args::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(fault) => {
            eprintln!("CRITICAL the program cannot start: {fault}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(cli::run(&args));
    // A name that is still being resolved must not hold up the end.
    runtime.shutdown_background();
    ExitCode::from(code)
}
