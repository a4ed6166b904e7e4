//! The edge interface's caller, to be started by a cron job: it reads a store slice after slice, passes the lines to a collector, and keeps the
//! last STATE in a folder.
#![deny(unsafe_code)]

mod http;
mod kept;
mod lines;
mod log;
mod message;
mod run;
mod settings;
mod trouble;

use crate::settings::Settings;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => {}
        Some("--help") => {
            return match std::io::stdout().write_all(settings::help().as_bytes()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            };
        }
        Some(_) => {
            log::critical("the driver takes no arguments: set variables in place of them; --help lists them");
            return ExitCode::FAILURE;
        }
    }
    let settings = Settings::new(std::env::vars()).inspect_err(|_| log::info(&settings::help()));
    match settings.and_then(|settings| run::run(&settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            log::critical(&format!("{why:#}"));
            ExitCode::FAILURE
        }
    }
}
