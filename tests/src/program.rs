//! Runs of the program.

use crate::built::built;
use crate::messages::{Message, messages};
use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};

/// The program, with nothing of this user's environment. Its compiled component is cached beside it, for all tests.
pub fn program(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let program = &built().program;
    let home = program.with_file_name("doors-home");
    let mut command = Command::new(program);
    command.env_clear().env("HOME", &home).env("XDG_CACHE_HOME", home.join("cache")).stdin(Stdio::null()).args(args);
    // Windows starts nothing without it.
    if let Some(root) = std::env::var_os("SystemRoot") {
        command.env("SystemRoot", root);
    }
    command
}

/// Runs a command to its end.
pub fn run(mut command: Command) -> Ended {
    command.output().map(Ended::from).expect("the program can be started")
}

/// A run that has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The exit code; none after a signal.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Ended {
        let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
        Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// What a person should never see: a panic, a trap, a debug print.
const INNARDS: [&str; 12] = [
    "panicked",
    "BACKTRACE",
    "backtrace",
    "wasm trap",
    "Failure {",
    "Error {",
    "Error(",
    "Os {",
    "Some(",
    "Err(",
    " 0x",
    "\u{fffd}",
];

impl Ended {
    /// The run was good.
    pub fn ok(self) -> Ended {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }

    /// The run failed with this code. Its last line on standard error is for a person, and holds all these words.
    pub fn told(self, code: i32, words: &[&str]) -> Ended {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        let last = self.stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with("CRITICAL "), "the last line is not the failure: {}", self.stderr);
        for word in words {
            assert!(last.contains(word), "{word:?} is not in: {last}");
        }
        for innards in INNARDS {
            assert!(!self.stderr.contains(innards), "{innards:?} is in: {}", self.stderr);
        }
        self
    }

    /// The messages on standard output.
    pub fn messages(&self) -> Vec<Message> {
        messages(&self.stdout)
    }

    /// The lines of the log that are warnings.
    pub fn warnings(&self) -> Vec<&str> {
        self.stderr.lines().filter(|line| line.starts_with("WARNING ")).collect()
    }
}
