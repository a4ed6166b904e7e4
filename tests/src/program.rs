//! Runs of the program.

use crate::built::built;
use crate::messages::{Message, messages};
use std::ffi::OsStr;
use std::io::Read;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The program, with nothing of this user's environment. Its compiled component is cached next to it, for all tests.
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

/// The longest wait: what has not happened by then never will.
pub const LONGEST: Duration = Duration::from_secs(600);

/// Runs a command to its end.
pub fn run(command: Command) -> Ended {
    run_within(command, LONGEST)
}

/// Does something that waits, on a thread of its own, and gives up if it does not end.
pub fn with_an_end<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, ended) = channel();
    let worker = std::thread::spawn(move || {
        // Nobody listens after the time is up.
        let _ = done.send(work());
    });
    match ended.recv_timeout(LONGEST) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => panic!("this waits without an end"),
        Err(RecvTimeoutError::Disconnected) => match worker.join() {
            Ok(()) => unreachable!("it has sent its result"),
            Err(panic) => std::panic::resume_unwind(panic),
        },
    }
}

/// Runs a command to its end, which must come within this time.
pub fn run_within(mut command: Command, limit: Duration) -> Ended {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program can be started");
    let (stdout, stderr) = (gather(child.stdout.take()), gather(child.stderr.take()));
    let end = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait().expect("the program can be waited for") {
            break status;
        }
        if Instant::now() > end {
            // It may have ended this very moment.
            let _ = child.kill();
            panic!("the program hangs");
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let text = |gathered: JoinHandle<String>| gathered.join().expect("the program writes UTF-8");
    Ended { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

fn gather(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        pipe.expect("it is a pipe").read_to_string(&mut text).expect("the program writes UTF-8");
        text
    })
}

/// Runs a program with a limit on file sizes, in blocks of 512 bytes: the closest to a full disk without a disk of its own.
#[cfg(unix)]
pub fn limited(tap: &Command, blocks: u32) -> Command {
    let mut limited = Command::new("/bin/sh");
    limited.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")]);
    limited.arg(tap.get_program()).args(tap.get_args());
    limited.env_clear().envs(tap.get_envs().filter_map(|(name, value)| Some((name, value?))));
    tap.get_current_dir().into_iter().for_each(|folder| {
        limited.current_dir(folder);
    });
    limited
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
