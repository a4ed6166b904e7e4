//! What went wrong between the tap and the server, in a sentence with what to do now. Of what a server says, no value of a record is repeated.

use super::super::SinkError;
use postgres::error::{DbError, SqlState};
use std::error::Error;

/// Why the database did not take something.
pub(super) enum Fault {
    /// The server could not be reached, or did not let the tap in.
    Connect(postgres::Error),
    /// The server refused a statement, or is gone.
    Postgres(postgres::Error),
    /// The server takes connections and says nothing.
    Silent,
    /// The server has not answered a statement.
    Stuck,
    /// The session has ended.
    Gone,
    /// A sentence without its start, the database.
    Told(String),
    /// The same: a table and the SCHEMA do not fit.
    Misfit(String),
}

impl From<postgres::Error> for Fault {
    fn from(error: postgres::Error) -> Fault {
        Fault::Postgres(error)
    }
}

impl Fault {
    pub(super) fn error(&self, database: &str) -> SinkError {
        let rest = match self {
            Fault::Connect(error) => unreachable(error),
            Fault::Postgres(error) => refused(error),
            Fault::Silent => cannot_be_reached("it does not answer"),
            Fault::Stuck => format!("no longer answers; nothing is half-written. Once it does, {RESUMES}"),
            Fault::Gone => lost("the session has ended"),
            Fault::Told(rest) | Fault::Misfit(rest) => rest.clone(),
        };
        SinkError::new(format!("{database} {rest}"))
    }
}

const RESUMES: &str = "run again: it resumes from the last state there";

fn lost(why: &str) -> String {
    format!("was lost during the run ({why}); nothing is half-written. Once the server is there, {RESUMES}")
}

fn cannot_be_reached(why: &str) -> String {
    format!("cannot be reached: {why}; look at its host, port and sslmode, and at the server")
}

/// An error with what it says of its cause.
fn chain(error: &postgres::Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(known) = cause {
        text = format!("{text}: {known}");
        cause = known.source();
    }
    text
}

fn unreachable(error: &postgres::Error) -> String {
    match error.as_db_error() {
        Some(told) if [SqlState::INVALID_PASSWORD, SqlState::INVALID_AUTHORIZATION_SPECIFICATION].contains(told.code()) => {
            format!(
                "did not let the tap in ({}); look at the user, and at the password in the URL or in PGPASSWORD",
                told.message()
            )
        }
        Some(told) if *told.code() == SqlState::INVALID_CATALOG_NAME => {
            format!("is not there ({}); create the database, or name another one", told.message())
        }
        Some(told) if *told.code() == SqlState::TOO_MANY_CONNECTIONS => {
            format!("takes no more connections ({}); close some and run again", told.message())
        }
        Some(told) => format!("cannot be opened: {}", told.message()),
        None if error.source().is_some_and(|cause| cause.to_string() == "password missing") => {
            "asks for a password; set PGPASSWORD, or write it into the URL".to_owned()
        }
        None => cannot_be_reached(&chain(error)),
    }
}

fn refused(error: &postgres::Error) -> String {
    let Some(told) = error.as_db_error() else { return lost(&chain(error)) };
    let (code, message) = (told.code(), told.message());
    match code.code() {
        "53100" => format!("cannot be written, since the server's disk is full ({message}); free some space there and {RESUMES}"),
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" => lost(message),
        "42501" => format!("does not allow that ({message}); docs/sinks.md lists what the role needs"),
        "25006" => format!("cannot be written ({message}); name the primary server, not a replica"),
        "42P10" => format!(
            "has a table that lost its primary key ({message}); add the key again, or run once with --full-refresh STREAM"
        ),
        "55P03" => {
            format!("has a table that another session has locked for too long ({message}); end that session and {RESUMES}")
        }
        "57014" => format!("stopped a statement ({message}); raise its timeout and {RESUMES}"),
        _ => format!("could not take the data: {}", without_values(told)),
    }
}

/// Error classes with PostgreSQL's own messages: about connections, permissions, names, limits and its state. Messages of other
/// classes, for example from a trigger, may repeat values.
const WITHOUT_VALUES: [&str; 12] = ["08", "0A", "25", "28", "3D", "3F", "40", "42", "53", "54", "55", "57"];

/// What the server says, unless it may repeat values there.
pub(super) fn without_values(told: &DbError) -> String {
    let (code, message) = (told.code().code(), told.message());
    if WITHOUT_VALUES.contains(&code.get(..2).unwrap_or_default()) {
        return format!("{message} (code {code})");
    }
    let constraint = told.constraint().map_or_else(String::new, |name| format!(" of the constraint {name}"));
    format!("a value was refused with the code {code}{constraint}; the server's log says more")
}
