//! The edge interface's caller, to be started by a cron job: it reads a store slice after slice, passes the lines to a collector, and keeps the
//! last STATE in a folder.
#![deny(unsafe_code)]

mod http;
mod kept;
mod lines;
mod message;
mod run;
mod settings;
mod trouble;

use crate::settings::Settings;
use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => {}
        Some("--help") => {
            println!("{}", settings::help());
            return ExitCode::SUCCESS;
        }
        Some(_) => {
            eprintln!("{}\nCRITICAL the driver takes no arguments: set the variables above", settings::help());
            return ExitCode::FAILURE;
        }
    }
    let ended = Settings::new(std::env::vars()).inspect_err(|_| eprintln!("{}", settings::help()));
    match ended.and_then(|settings| run::run(&settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("CRITICAL {why:#}");
            ExitCode::FAILURE
        }
    }
}
