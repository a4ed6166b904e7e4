//! `tap-bigcommerce`: see `tap-bigcommerce --help`.
#![forbid(unsafe_code)]

mod args;
mod check;
mod console;
mod dotenv;
mod files;
mod forms;
mod init;
mod live;
mod modes;
mod permissions;
mod report;
mod sandbox;
mod signals;
mod spent;
mod table;
mod tap;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args = args::Args::of_this_process();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(fault) => {
            eprintln!("CRITICAL the program cannot start: {fault}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(modes::run(&args));
    // A name that is still being resolved must not hold up the end.
    runtime.shutdown_background();
    ExitCode::from(code)
}
