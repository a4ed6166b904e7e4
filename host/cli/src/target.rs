//! `--target`: a Singer target that this program starts, so that it learns which STATE the target has kept.

mod group;

use crate::console::Console;
use crate::state_file::StateFile;
pub(crate) use group::Group;
use serde_json::{Map, Value};
use std::io::{BufRead, BufReader, BufWriter, Error, ErrorKind, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Duration;
use tap_bigcommerce::SinkError;
use tap_bigcommerce::sinks::{Message, MessageKind, Sink};
use tap_bigcommerce_core::config::ENV_PREFIX;

const BUFFER: usize = 64 * 1024;
/// Longer lines are no state: the tap itself takes no more.
const MAX_LINE: u64 = 8 << 20;
/// How long to wait for the output of a target that has ended: a process that it left behind may keep the pipe open.
const LEAVE: Duration = Duration::from_secs(10);

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommandLine {
    program: String,
    args: Vec<String>,
}

impl FromStr for CommandLine {
    type Err = String;

    /// Splits a text as a shell does, without its variables, pipes and patterns.
    fn from_str(text: &str) -> Result<CommandLine, String> {
        let words = shlex::split(text).ok_or("a quote is not closed, or it ends with a backslash")?;
        let mut words = words.into_iter();
        let program = words.next().filter(|program| !program.is_empty()).ok_or("it names no program")?;
        Ok(CommandLine { program, args: words.collect() })
    }
}

/// Writes the messages to a target, and keeps the states that the target prints.
pub(crate) struct TargetSink {
    name: String,
    console: Console,
    file: StateFile,
    group: Group,
    /// The bookmarks of the last STATE that was sent to the target.
    given: Option<Bookmarks>,
    running: Option<Running>,
}

/// What a state says of each stream. A target may leave out the rest of a state.
type Bookmarks = Map<String, Value>;

struct Running {
    child: Child,
    input: BufWriter<ChildStdin>,
    /// The result of reading the target's output.
    read: Receiver<Result<(), SinkError>>,
    /// The bookmarks of the last state in that output.
    kept: Arc<Mutex<Option<Bookmarks>>>,
    /// The reader has failed, so nothing more can be kept.
    failed: Arc<AtomicBool>,
}

impl TargetSink {
    /// Starts the target.
    pub(crate) fn start(line: &CommandLine, file: StateFile, console: Console) -> Result<TargetSink, SinkError> {
        let name = line.program.clone();
        let mut command = Command::new(&name);
        command.args(&line.args).stdin(Stdio::piped()).stdout(Stdio::piped());
        // The target must not see the store's token.
        let own = std::env::vars_os().map(|(name, _)| name).filter(|name| name.to_string_lossy().starts_with(ENV_PREFIX));
        own.for_each(|name| {
            command.env_remove(name);
        });
        let mut child = Group::of_its_own(&mut command).spawn().map_err(|fault| not_started(&name, &fault))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(SinkError::new(format!("the target {name} has no pipes; run again")));
        };
        let (failed, kept, (tell, read)) = (Arc::new(AtomicBool::new(false)), Arc::default(), channel());
        let reading = Reading { name: name.clone(), file: file.clone(), console: console.clone(), kept: Arc::clone(&kept) };
        let failing = failed.clone();
        // Nobody may wait for it any more.
        let reading = move || drop(tell.send(reading.run(output).inspect_err(|_| failing.store(true, Ordering::Relaxed))));
        Builder::new().name("target".into()).spawn(reading).map_err(|fault| not_started(&name, &fault))?;
        let group = Group::of(&child);
        let running = Running { child, input: BufWriter::with_capacity(BUFFER, input), read, kept, failed };
        Ok(TargetSink { name, console, file, group, given: None, running: Some(running) })
    }

    /// The target's processes.
    pub(crate) fn group(&self) -> Group {
        self.group.clone()
    }

    /// Writes to the target's input. If that fails, the target has ended or is about to.
    fn give(&mut self, give: impl FnOnce(&mut BufWriter<ChildStdin>) -> std::io::Result<()>) -> Result<(), SinkError> {
        let Some(running) = &mut self.running else { return Err(self.early("has ended")) };
        let given =
            if running.failed.load(Ordering::Relaxed) { Err(ErrorKind::BrokenPipe.into()) } else { give(&mut running.input) };
        given.or_else(|_| {
            self.console.tell(&format!("WARNING the target {} takes no more messages; waiting for it to end", self.name));
            self.end().and_then(|()| Err(self.early("ended before it had read everything")))
        })
    }

    /// Closes the target's input, and waits for as long as the target takes to keep what it has read.
    fn end(&mut self) -> Result<(), SinkError> {
        let Some(Running { mut child, input, read, kept, .. }) = self.running.take() else { return Ok(()) };
        // Do not flush the buffer: the target has refused what is still in it.
        drop(input.into_parts());
        let ended = child.wait();
        self.group.has_ended();
        match read.recv_timeout(LEAVE) {
            Ok(read) => read?,
            Err(RecvTimeoutError::Timeout) => self.console.tell(&format!(
                "WARNING the target {} has ended, but a process that it started still holds its output; what that prints is not waited for",
                self.name
            )),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(SinkError::new("what the target prints could not be read; run again"));
            }
        }
        let kept = kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        match ended {
            Ok(status) if status.success() => {}
            Ok(status) => return Err(self.early(&how(status))),
            Err(fault) => return Err(self.early(&format!("cannot be waited for ({fault})"))),
        }
        if self.given.is_some() && self.given != kept {
            let (name, file) = (&self.name, self.file.file.display());
            let missing = if kept.is_some() { "not the last STATE" } else { "no STATE" };
            self.console.tell(&format!(
                "WARNING the target {name} succeeded, but printed {missing}; {file} holds only what it printed, so the next run reads the rest again"
            ));
        }
        Ok(())
    }

    fn early(&self, what: &str) -> SinkError {
        let (name, file) = (&self.name, self.file.file.display());
        SinkError::new(format!(
            "the target {name} {what}; look at its messages, then run again: it resumes from the last STATE it printed, in {file}"
        ))
    }
}

impl Sink for TargetSink {
    fn write(&mut self, message: &Message<'_>) -> Result<(), SinkError> {
        if message.kind() == MessageKind::State {
            self.given = serde_json::from_str(message.state()?.get()).ok().and_then(bookmarks);
        }
        self.give(|input| input.write_all(message.line()).and_then(|()| input.write_all(b"\n")))
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.give(Write::flush)
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        self.flush()?;
        self.console.log(&format!("INFO waiting for the target {} to end", self.name));
        self.end()
    }
}

fn not_started(name: &str, fault: &Error) -> SinkError {
    let why = match fault.kind() {
        // For example, in a Python environment that was moved.
        ErrorKind::NotFound if Path::new(name).is_file() => {
            "names an interpreter in its first line (#!) that does not exist; install the target again".to_owned()
        }
        ErrorKind::NotFound => "does not exist; install it, or correct --target. It is started without a shell".to_owned(),
        ErrorKind::PermissionDenied => "cannot be run by this user; check its permissions".to_owned(),
        _ => format!("cannot be started: {fault}; check --target"),
    };
    SinkError::new(format!("the target {name} {why}"))
}

/// How a program ended that did not end well.
fn how(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("ended with exit code {code}"),
        None => format!("was killed by {}", status.to_string().replace("signal: ", "signal ")),
    }
}

/// What a target prints.
struct Reading {
    name: String,
    file: StateFile,
    console: Console,
    /// The last state that has been kept.
    kept: Arc<Mutex<Option<Bookmarks>>>,
}

/// What a line of it is.
#[derive(Debug, PartialEq)]
enum Printed {
    State(Map<String, Value>),
    /// JSON, but no state of this tap.
    OtherJson,
    Text,
}

impl Reading {
    /// Reads to the end. Of states that come at once the last one is kept.
    fn run(self, output: ChildStdout) -> Result<(), SinkError> {
        let mut output = BufReader::new(output);
        let (mut line, mut latest, mut is_warned, mut is_inside) = (Vec::new(), None, false, false);
        loop {
            line.clear();
            let read = (&mut output).take(MAX_LINE).read_until(b'\n', &mut line);
            if read.map_err(|fault| {
                SinkError::new(format!("what the target {} prints cannot be read: {fault}; run again", self.name))
            })? == 0
            {
                return Ok(());
            }
            // The rest of an overlong line is not a line of its own.
            let is_rest = std::mem::replace(&mut is_inside, line.len() as u64 == MAX_LINE && !line.ends_with(b"\n"));
            match if is_rest || is_inside { Printed::Text } else { Printed::read(&line) } {
                Printed::State(state) => latest = Some(state),
                other => {
                    if other == Printed::OtherJson && !is_warned {
                        let text = "WARNING the target printed JSON that is not a STATE; such lines are copied to this log and not saved";
                        self.console.tell(text);
                        is_warned = true;
                    }
                    self.console.tell(&format!("INFO target: {}", shown(&line)));
                }
            }
            if !output.buffer().contains(&b'\n')
                && let Some(state) = latest.take()
            {
                self.file.keep(&state)?;
                *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = bookmarks(state);
            }
        }
    }
}

fn bookmarks(mut state: Map<String, Value>) -> Option<Bookmarks> {
    match state.shift_remove("bookmarks") {
        Some(Value::Object(bookmarks)) => Some(bookmarks),
        _ => None,
    }
}

impl Printed {
    fn read(line: &[u8]) -> Printed {
        let line = line.trim_ascii();
        // Only an object is looked into: a tree of a long list would be many times as large as its text.
        let looks_like_json = line.first().is_some_and(|first| b"{[".contains(first));
        if !line.starts_with(b"{") {
            let is_json = || serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok();
            return if looks_like_json || is_json() { Printed::OtherJson } else { Printed::Text };
        }
        match serde_json::from_slice(line) {
            Ok(Value::Object(mut map)) => {
                if map.get("type").is_some_and(|kind| kind == "STATE")
                    && let Some(Value::Object(value)) = map.shift_remove("value")
                {
                    map = value;
                }
                if map.get("bookmarks").is_some_and(Value::is_object) { Printed::State(map) } else { Printed::OtherJson }
            }
            _ => Printed::OtherJson,
        }
    }
}

/// The beginning of a line, for the log.
fn shown(line: &[u8]) -> String {
    const MOST: usize = 500;
    let text = String::from_utf8_lossy(line);
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    let text: String = text.trim_end().chars().map(printable).collect();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_as_a_shell_splits_it() {
        let line: CommandLine = "target-x --config 'my target.json' \"a b\" $HOME \\| ''".parse().unwrap();
        assert_eq!(line.program, "target-x");
        assert_eq!(line.args, ["--config", "my target.json", "a b", "$HOME", "|", ""]);
        for (text, words) in [("target 'x", "not closed"), ("", "no program"), ("  # all", "no program"), ("''", "no program")] {
            let why = text.parse::<CommandLine>().unwrap_err();
            assert!(why.contains(words), "{text}: {why}");
        }
    }

    #[test]
    fn only_an_object_with_bookmarks_is_a_state() {
        let state = |line: &str| match Printed::read(line.as_bytes()) {
            Printed::State(state) => Value::Object(state).to_string(),
            other => format!("{other:?}"),
        };
        assert_eq!(state("{\"bookmarks\": {\"orders\": {}}}\n"), r#"{"bookmarks":{"orders":{}}}"#);
        assert_eq!(state(r#"{"type": "STATE", "value": {"bookmarks": {}}}"#), r#"{"bookmarks":{}}"#);
        for line in
            ["{}", "[1]", "null", "12", "{\"bookmarks\": [1]}", "{\"bookmarks\": {\"or", "{\"type\": \"STATE\", \"value\": 1}"]
        {
            assert_eq!(Printed::read(line.as_bytes()), Printed::OtherJson, "{line}");
        }
        for line in ["wrote 10 rows", "", "\n", "INFO x"] {
            assert_eq!(Printed::read(line.as_bytes()), Printed::Text, "{line}");
        }
    }

    #[test]
    fn a_long_line_is_cut_and_cannot_steer_the_terminal() {
        let text = shown(format!("\u{1b}[2J{}\r\n", "é".repeat(600)).as_bytes());
        assert!(text.starts_with(" [2Jé") && text.ends_with(" …") && text.chars().count() == 502, "{text}");
    }
}
