//! The commands of the command line. One that is a flag too is turned into that flag, so that one definition says what can be combined.

use crate::args::{Args, EXAMPLES, EXIT_CODES};
use clap::builder::{Resettable, StyledStr};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, CommandFactory, Error, FromArgMatches, value_parser};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::ffi::OsString;

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Asked {
    /// A run of the tap.
    Tap(Box<Args>),
    /// A text for another program: completions, or the man page.
    Print(String),
}

/// A command that is a flag, too.
struct Word {
    name: &'static str,
    about: &'static str,
    /// The flags that it takes, by their ids.
    takes: &'static [&'static str],
}

const WORDS: [Word; 5] = [
    Word {
        name: "init",
        about: "Ask for the credentials, check them, and write config.json",
        takes: &["config", "ca_file", "component", "component_sha256"],
    },
    Word {
        name: "check",
        about: "Show which streams the token can read and how many requests a first run takes",
        takes: &["config", "catalog", "select", "exclude", "sandbox", "format", "ca_file", "component", "component_sha256"],
    },
    Word {
        name: "discover",
        about: "Print the catalog; no request is made",
        takes: &["config", "select", "exclude", "component", "component_sha256"],
    },
    Word {
        name: "about",
        about: "Print the tap's name, version, settings and streams",
        takes: &["format", "component", "component_sha256"],
    },
    Word {
        name: "sandbox",
        about: "Start a simulated store on this machine and read it; no account is needed",
        takes: &[
            "config",
            "catalog",
            "select",
            "exclude",
            "full_refresh",
            "output",
            "target",
            "state_file",
            "state",
            "report",
            "check",
            "test",
            "component",
            "component_sha256",
        ],
    },
];
const COMPLETIONS: &str = "completions";
const MAN: &str = "man";
const SHELL: &str = "shell";
const USAGE: &str = "tap-bigcommerce [COMMAND] [FLAGS]";

/// Parses the command line. As in clap, a requested help text is an error too.
pub(crate) fn parse(line: Vec<OsString>) -> Result<Asked, Error> {
    let matches = command().try_get_matches_from(&line).map_err(with_advice)?;
    let args = match matches.subcommand() {
        None => Args::from_arg_matches(&matches),
        Some((COMPLETIONS, of)) => return Ok(Asked::Print(completions(of.get_one(SHELL).copied()))),
        Some((MAN, _)) => return Ok(Asked::Print(man())),
        Some((word, _)) => from_word(word, line),
    };
    args.map(|args| Asked::Tap(Box::new(args)))
}

/// The arguments of a line with a command: those of the same line with its flag.
fn from_word(word: &str, mut line: Vec<OsString>) -> Result<Args, Error> {
    line.insert(1.min(line.len()), format!("--{word}").into());
    let flags = Args::command().override_usage(USAGE).arg(Arg::new("word").hide(true));
    Args::from_arg_matches(&flags.try_get_matches_from(line)?)
}

/// The whole command line, for its help, completions and man page.
fn command() -> Command {
    let flags = Args::command();
    let words = WORDS.iter().map(|word| {
        let own = flags.get_arguments().filter(|arg| word.takes.contains(&arg.get_id().as_str()));
        // What cannot be combined is decided once, by the flags.
        let own = own.map(|arg| arg.clone().conflicts_with(Resettable::Reset).requires(Resettable::Reset));
        Command::new(word.name).about(word.about).args(own)
    });
    let shell = Arg::new(SHELL).value_name("SHELL").required(true).value_parser(value_parser!(Shell)).action(ArgAction::Set);
    let completions =
        Command::new(COMPLETIONS).about("Print a script that completes commands and flags in your shell").arg(shell);
    let man = Command::new(MAN).about("Print the man page: tap-bigcommerce man | man -l -");
    Args::command().override_usage(USAGE).subcommands(words).subcommands([completions, man])
}

fn completions(shell: Option<Shell>) -> String {
    let mut script = Vec::new();
    if let Some(shell) = shell {
        clap_complete::generate(shell, &mut command(), env!("CARGO_BIN_NAME"), &mut script);
    }
    // clap_complete 4.6 writes the name's hyphen in two ways for bash, so that no command completes its flags (clap-rs/clap#6421).
    String::from_utf8_lossy(&script).replace("tap__subcmd__bigcommerce", "tap__bigcommerce")
}

/// One page for all commands.
fn man() -> String {
    let command = command();
    let mut commands = Roff::new();
    commands.control("SH", ["COMMANDS"]);
    for word in command.get_subcommands() {
        commands.control("TP", []);
        commands.text([bold(format!("{} {}", command.get_name(), word.get_name()))]);
        commands.text([roman(word.get_about().map(ToString::to_string).unwrap_or_default())]);
    }
    let mut ends = Roff::new();
    ends.control("SH", ["EXAMPLES"]).control("nf", []);
    for line in EXAMPLES.lines() {
        ends.text([roman(line)]);
    }
    ends.control("fi", []).control("SH", ["EXIT STATUS"]).text([roman(EXIT_CODES)]);
    let mut page = Vec::new();
    let page_of = Man::new(command.clone());
    // A vector takes whatever is written.
    let _ = page_of.render_title(&mut page);
    let _ = page_of.render_name_section(&mut page);
    let _ = page_of.render_synopsis_section(&mut page);
    let _ = commands.to_writer(&mut page);
    let _ = page_of.render_options_section(&mut page);
    let _ = ends.to_writer(&mut page);
    String::from_utf8_lossy(&page).into_owned()
}

/// An unknown word that is close to no command is advised on, too.
fn with_advice(mut error: Error) -> Error {
    if error.kind() != ErrorKind::InvalidSubcommand || error.get(ContextKind::SuggestedSubcommand).is_some() {
        return error;
    }
    let word = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(word)) => word.clone(),
        _ => String::new(),
    };
    let advice = if word.ends_with(".json") {
        format!("name a config file with --config {word}")
    } else {
        let names: Vec<&str> = WORDS.iter().map(|word| word.name).chain([COMPLETIONS, MAN]).collect();
        format!("a sync needs no command, only --config FILE; the commands are {}", names.join(", "))
    };
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(advice)]));
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Result<Asked, Error> {
        parse(std::iter::once("tap-bigcommerce").chain(line.split_whitespace()).map(OsString::from).collect())
    }

    fn args(line: &str) -> String {
        match asked(line) {
            Ok(Asked::Tap(args)) => format!("{args:?}"),
            other => panic!("{line}: {other:?}"),
        }
    }

    fn refusal(line: &str) -> String {
        let error = asked(line).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
        error.to_string()
    }

    #[test]
    fn the_definition_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn a_command_is_its_flag_wherever_it_stands() {
        for word in WORDS {
            assert_eq!(args(word.name), args(&format!("--{}", word.name)));
        }
        for line in ["check -c a.json --format json", "-c a.json check --format json", "--check -c a.json --format json"] {
            assert_eq!(args(line), args("-c a.json --check --format json"), "{line}");
        }
        assert_eq!(
            args("-c a sandbox --select check --output sqlite:about"),
            args("-c a --sandbox --select check --output sqlite:about")
        );
    }

    #[test]
    fn a_command_has_the_same_conflicts_as_its_flag() {
        for line in [
            "--state s.json check",
            "check --state s.json",
            "--check about",
            "about check",
            "init --sandbox",
            "--output x.db discover",
        ] {
            refusal(line);
        }
    }

    #[test]
    fn an_unknown_word_gets_a_suggestion() {
        for (line, words) in [
            ("chekc", "'check'"),
            ("-c a.json discovery", "'discover'"),
            ("sync", "--config FILE"),
            ("nonsense", "init, check, discover, about, sandbox"),
            ("config.json", "--config config.json"),
            ("completions fsh", "'fish'"),
            ("completions", "<SHELL>"),
        ] {
            let why = refusal(line);
            assert!(why.contains(words), "{line}: {why}");
        }
    }
}
