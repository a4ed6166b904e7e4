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
mod state_file;
mod table;
mod tap;
mod target;
mod words;

use std::ffi::OsString;
use std::process::ExitCode;
use words::Asked;

fn main() -> ExitCode {
    let given: Vec<OsString> = std::env::args_os().collect();
    let args = match words::parse(given.clone()) {
        Ok(Asked::Tap(args)) => args,
        Ok(Asked::Print(text)) => {
            let Err(failure) = forms::print(&text) else { return ExitCode::SUCCESS };
            eprintln!("CRITICAL {failure}");
            return ExitCode::from(failure.kind.exit_code());
        }
        Err(fault) => args::refuse(&fault, &given),
    };
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
