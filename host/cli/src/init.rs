//! `--init`: asks for the settings, checks them against the store, and writes the config file.

mod address;

use crate::args::Args;
use crate::console::Console;
use crate::{check, table, tap};
use console::Term;
use serde_json::{Map, Value, json};
use std::io::{ErrorKind, IsTerminal, Write, stdin};
use std::path::{Path, PathBuf};
use tap_bigcommerce::files::{self, Readers};
use tap_bigcommerce::{Failure, Kind, Result};
use tap_bigcommerce_core::config::{Config, Credentials};
use tokio::runtime::Handle;

const FILE: &str = "config.json";
const DEFAULT_ORIGIN: &str = "https://api.bigcommerce.com";
const WELCOME: &str = "In the store's control panel, Settings, API accounts, create a V2/V3 API token with the read-only scopes Orders, \
                       Customers, Products and Marketing. Then answer with what it shows.";

/// The answer that takes an earlier one back.
const NOTHING: &str = "-";
const NO_ID: &str = "Client ID (not needed any more; Enter leaves it out)";
const KEPT_ID: &str = "Client ID (Enter keeps it, - leaves it out)";
const NO_DATE: &str = "Orders and customers since, such as 2024-01-31 (empty: all)";
const KEPT_DATE: &str = "Orders and customers since (Enter keeps it, -: all)";

/// Somebody who answers.
trait Person {
    /// An answer, without its line end. None: nothing more will come.
    fn line(&mut self, question: &str) -> std::io::Result<Option<String>>;
    /// An answer that is not shown.
    fn secret(&mut self, question: &str) -> std::io::Result<Option<String>>;
    fn tell(&mut self, text: &str);
}

/// Asks, checks and writes.
pub(crate) async fn run(args: &Args, console: &Console) -> Result<()> {
    let file = file(&args.config)?;
    if !stdin().is_terminal() || !std::io::stderr().is_terminal() {
        let text = "--init asks questions and needs a terminal for the answers; without one, write the settings that --about lists into a \
                    JSON file";
        return Err(Failure::new(Kind::Config, text));
    }
    let echo = Echo::now();
    let (args, console) = (args.clone(), console.clone());
    let asking = tokio::task::spawn_blocking(move || {
        let check = |config: &str| Handle::current().block_on(checked(&args, &console, config));
        write(&mut Terminal(Term::stderr()), &file, check)
    });
    tokio::select! {
        done = asking => done.unwrap_or_else(|_| Err(Failure::new(Kind::Config, "the questions ended unexpectedly; nothing was written"))),
        _ = tokio::signal::ctrl_c() => {
            echo.restore();
            let _ = writeln!(std::io::stderr());
            Err(left("the questions were left"))
        }
    }
}

fn left(why: &str) -> Failure {
    Failure::new(Kind::Cancelled, format!("{why}; nothing was written"))
}

/// The file to write.
fn file(named: &[PathBuf]) -> Result<PathBuf> {
    match named {
        [] => Ok(FILE.into()),
        [file] if file.as_os_str() != "ENV" => Ok(file.clone()),
        _ => {
            Err(Failure::new(Kind::Config, "--init writes one config file: name one with --config FILE, or none for config.json"))
        }
    }
}

/// What the store said of a config: a table, and whether every stream can be read.
struct Checked {
    table: String,
    verdict: Result<()>,
}

async fn checked(args: &Args, console: &Console, config: &str) -> Result<Checked> {
    let report = tap::run(args, console, &tap::tap(args, console)?, config)?.check().await?;
    let table = check::table(&report, table::width(&Term::stderr()))?;
    Ok(Checked { table, verdict: check::verdict(&report) })
}

/// Asks until the store takes the answers, and writes the file.
fn write(person: &mut impl Person, file: &Path, check: impl Fn(&str) -> Result<Checked>) -> Result<()> {
    let name = file.display();
    let unwritable = |fault: &dyn std::fmt::Display| Failure::new(Kind::Config, format!("{name} cannot be written: {fault}"));
    let there = file.exists();
    files::probe(file).map_err(|fault| unwritable(&fault))?;
    if there && !yes(person, &format!("{name} exists. Write a new one in its place?"))? {
        return Err(Failure::new(Kind::Cancelled, format!("{name} was left as it is; name another file with --config FILE")));
    }
    let config = agreed(person, check)?;
    let text = format!("{config:#}\n");
    let put = if there { files::replace(file, text.as_bytes(), Readers::Owner) } else { files::create(file, text.as_bytes()) };
    put.map_err(|fault| match fault.kind() {
        ErrorKind::AlreadyExists => unwritable(&"another program has written it meanwhile; run again"),
        _ => unwritable(&fault),
    })?;
    person.tell(&format!("{name} is written, readable only by you. Now copy the store into a file:"));
    person.tell(&format!("  tap-bigcommerce --config {name} --output sqlite:shop.db"));
    Ok(())
}

fn agreed(person: &mut impl Person, check: impl Fn(&str) -> Result<Checked>) -> Result<Value> {
    person.tell(WELCOME);
    let mut answers = Map::new();
    loop {
        ask(person, &mut answers)?;
        person.tell("Asking the store …");
        let config = Value::Object(answers.clone());
        let failure = match check(&config.to_string()) {
            Ok(Checked { table, verdict }) => {
                person.tell(table.trim_end());
                let Err(failure) = verdict else { return Ok(config) };
                person.tell(&failure.to_string());
                if yes(person, "Write the config anyway?")? {
                    return Ok(config);
                }
                continue;
            }
            Err(failure) => failure,
        };
        person.tell(&failure.to_string());
        person.tell("Please try again. Press Enter to keep the previous answer.");
    }
}

/// Asks all questions. Answers that were given before are kept if the new ones are empty.
fn ask(person: &mut impl Person, answers: &mut Map<String, Value>) -> Result<()> {
    let kept = |answers: &Map<String, Value>, key: &str| answers.get(key).and_then(Value::as_str).map(str::to_owned);
    let hash = kept(answers, "store_hash");
    let is_kept = |text: &str| hash.as_deref() == Some(text);
    let (found, origin, keeps_place) = question(
        person,
        "Address of the store's control panel, API path, or store hash",
        hash.clone(),
        |person, text| person.line(text),
        |text| address::store(text).map(|(found, origin)| (found, origin, is_kept(text))),
    )?;
    answers.insert("store_hash".into(), json!(found));
    match origin.map(|origin| origin.to_string()).filter(|origin| origin != DEFAULT_ORIGIN) {
        Some(origin) => drop(answers.insert("api_url".into(), json!(origin))),
        None if keeps_place => {}
        // The token must not go to the place of an earlier answer.
        None => drop(answers.shift_remove("api_url")),
    }
    let id = kept(answers, "client_id");
    let id = question(
        person,
        if id.is_some() { KEPT_ID } else { NO_ID },
        id,
        |person, text| person.line(text),
        optional("client_id"),
    )?;
    put(answers, "client_id", &id);
    let token = kept(answers, "access_token");
    let token = match token {
        None => question(person, "Access token (not shown)", None, |person, text| person.secret(text), token_setting)?,
        Some(token) => {
            let again = "Access token (not shown, Enter keeps it)";
            let judge = |text: &str| if text.is_empty() { Ok(token.clone()) } else { token_setting(text) };
            question(person, again, None, |person, text| person.secret(text), judge)?
        }
    };
    answers.insert("access_token".into(), json!(token));
    let since = kept(answers, "start_date");
    let since = question(
        person,
        if since.is_some() { KEPT_DATE } else { NO_DATE },
        since,
        |person, text| person.line(text),
        optional("start_date"),
    )?;
    put(answers, "start_date", &since);
    Ok(())
}

/// Takes an answer that may be left out.
fn put(answers: &mut Map<String, Value>, key: &str, answer: &str) {
    match answer {
        "" => drop(answers.shift_remove(key)),
        answer => drop(answers.insert(key.into(), json!(answer))),
    }
}

/// Asks until the answer is good. An empty answer is the one that is kept.
fn question<P: Person, T>(
    person: &mut P,
    what: &str,
    kept: Option<String>,
    ask: impl Fn(&mut P, &str) -> std::io::Result<Option<String>>,
    judge: impl Fn(&str) -> std::result::Result<T, String>,
) -> Result<T> {
    let text = kept.as_ref().map_or_else(|| format!("{what}: "), |kept| format!("{what} [{kept}]: "));
    loop {
        let answer = ask(person, &text).map_err(|fault| left(&format!("the terminal cannot be read ({fault})")))?;
        let answer = answer.ok_or_else(|| left("the answers ended"))?;
        let answer = match (answer.trim(), &kept) {
            ("", Some(kept)) => kept.clone(),
            (answer, _) => answer.to_owned(),
        };
        match judge(&answer) {
            Ok(good) => return Ok(good),
            Err(why) => person.tell(&format!("  {why}")),
        }
    }
}

fn yes(person: &mut impl Person, what: &str) -> Result<bool> {
    question(
        person,
        &format!("{what} (y/n)"),
        None,
        |person, text| person.line(text),
        |answer| match answer.to_lowercase().as_str() {
            "y" | "yes" => Ok(true),
            "n" | "no" => Ok(false),
            _ => Err("answer y or n".to_owned()),
        },
    )
}

fn token_setting(text: &str) -> std::result::Result<String, String> {
    setting("access_token", text)
}

/// A setting's value, if the tap takes it; else why not.
fn setting(key: &str, value: &str) -> std::result::Result<String, String> {
    if value.is_empty() {
        return Err("this is required".to_owned());
    }
    let mut config = json!({ "store_hash": "x" });
    config[key] = json!(value);
    match Config::parse(&config.to_string(), Credentials::MayBeEmbedders) {
        Ok(_) => Ok(value.to_owned()),
        Err(failure) => Err(failure.message.rsplit("cannot be used: ").next().unwrap_or_default().to_owned()),
    }
}

/// As [`setting`], for one that may be empty.
fn optional(key: &str) -> impl Fn(&str) -> std::result::Result<String, String> {
    move |value| if value.is_empty() || value == NOTHING { Ok(String::new()) } else { setting(key, value) }
}

/// The person at the terminal.
struct Terminal(Term);

impl Terminal {
    fn show(&self, question: &str) -> std::io::Result<()> {
        let question = table::wrapped(question.trim_end(), "", table::width(&self.0));
        self.0.write_str(question.trim_end())?;
        self.0.write_str(" ")?;
        self.0.flush()
    }
}

impl Person for Terminal {
    fn line(&mut self, question: &str) -> std::io::Result<Option<String>> {
        self.show(question)?;
        let mut answer = String::new();
        let read = stdin().read_line(&mut answer)?;
        Ok((read > 0).then_some(answer))
    }

    /// Echo is off before the question appears, so text that was pasted too early is neither shown nor lost.
    #[cfg(unix)]
    fn secret(&mut self, question: &str) -> std::io::Result<Option<String>> {
        let echo = Echo::now();
        echo.hide()?;
        let answer = self.line(question);
        echo.restore();
        // The end of the line was not shown, either.
        self.0.write_line("")?;
        answer
    }

    #[cfg(not(unix))]
    fn secret(&mut self, question: &str) -> std::io::Result<Option<String>> {
        self.show(question)?;
        self.0.read_secure_line().map(Some)
    }

    fn tell(&mut self, text: &str) {
        let width = table::width(&self.0);
        // Errors are ignored here: the next question notices a closed terminal.
        let told: String = text.lines().map(|line| table::wrapped(line, "", width)).collect();
        let _ = self.0.write_str(&told);
    }
}

/// Whether the terminal shows what is typed, as it was before a secret was asked for.
#[cfg(unix)]
struct Echo(Option<rustix::termios::Termios>);

#[cfg(unix)]
impl Echo {
    fn now() -> Echo {
        Echo(rustix::termios::tcgetattr(stdin()).ok())
    }

    fn hide(&self) -> std::io::Result<()> {
        let Some(before) = &self.0 else { return Ok(()) };
        let mut hidden = before.clone();
        hidden.local_modes.remove(rustix::termios::LocalModes::ECHO);
        Ok(rustix::termios::tcsetattr(stdin(), rustix::termios::OptionalActions::Now, &hidden)?)
    }

    fn restore(&self) {
        if let Some(before) = &self.0 {
            // Without a terminal there is nothing to restore.
            let _ = rustix::termios::tcsetattr(stdin(), rustix::termios::OptionalActions::Now, before);
        }
    }
}

#[cfg(not(unix))]
struct Echo;

#[cfg(not(unix))]
impl Echo {
    fn now() -> Echo {
        Echo
    }

    fn restore(&self) {}
}

#[cfg(test)]
mod tests;
