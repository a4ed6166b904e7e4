//! The command line.

use clap::{ArgGroup, Parser, ValueEnum};
use std::path::PathBuf;
use tap_bigcommerce::sinks::{Output, TARGETS};

/// A Singer tap for BigCommerce: orders, customers, products and coupons, as messages on standard output or into a file.
#[derive(Clone, Debug, Default, Parser)]
#[command(name = "tap-bigcommerce", version, after_help = EXIT_CODES)]
#[command(group(ArgGroup::new("told").args(["about", "check"])))]
pub(crate) struct Args {
    /// Settings, a JSON file. May be repeated: later files override earlier ones, key by key. ENV reads the TAP_BIGCOMMERCE_* variables
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Vec<PathBuf>,
    /// What to read, a JSON file as --discover writes it. Without it: everything
    #[arg(long, visible_alias = "properties", short_alias = 'p', value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
    /// Resume from this state: a JSON file with the value of the last STATE message
    #[arg(short, long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// Read only these, by name: orders,products.variants. * matches any part of a name. May be repeated
    #[arg(long, value_name = "RULES", conflicts_with = "about")]
    pub(crate) select: Vec<String>,
    /// Leave these out, by name: customers.notes. May be repeated
    #[arg(long, value_name = "RULES", conflicts_with = "about")]
    pub(crate) exclude: Vec<String>,
    /// Read one record of each selected stream, then exit; with schema, write only their SCHEMA messages
    #[arg(long, value_enum, value_name = "WHAT", num_args = 0..=1, default_missing_value = "all",
          conflicts_with_all = ["discover", "check", "about", "state", "full_refresh", "output"])]
    pub(crate) test: Option<Test>,
    /// Write the catalog, then exit
    #[arg(short, long, conflicts_with_all = ["check", "about", "full_refresh", "output"])]
    pub(crate) discover: bool,
    /// Ask the store which streams the token can read, and what a first run costs for each selected stream, then exit
    #[arg(long, conflicts_with_all = ["about", "state", "full_refresh", "output"])]
    pub(crate) check: bool,
    /// Read a stream from its start, whatever the state says. May be repeated
    #[arg(long, value_name = "STREAM")]
    pub(crate) full_refresh: Vec<String>,
    /// Print the tap's name, version, settings and streams, then exit
    #[arg(long, conflicts_with_all = ["state", "full_refresh", "output"])]
    pub(crate) about: bool,
    /// The form of --about, or of --check: without it, --check writes text on a terminal, else JSON
    #[arg(long, value_enum, requires = "told")]
    pub(crate) format: Option<Format>,
    #[arg(long, value_name = "OUTPUT", default_value = "stdout", help = outputs())]
    pub(crate) output: Output,
    /// Start a simulated store on this machine and read it: no account is needed
    #[arg(long)]
    pub(crate) sandbox: bool,
    /// When the run has ended, write what it did as a page for a browser
    #[arg(long, value_name = "FILE", conflicts_with_all = ["discover", "check", "about", "test"])]
    pub(crate) report: Option<PathBuf>,
    /// Ask for the credentials, check them, write them to the config file (config.json), then exit
    #[arg(long, conflicts_with_all = ["catalog", "state", "select", "exclude", "test", "discover", "check", "full_refresh", "about",
                                      "output", "sandbox", "report"])]
    pub(crate) init: bool,
    /// Run this build of the component, in place of the one that the program carries; its SHA-256 is logged
    #[arg(long, value_name = "FILE")]
    pub(crate) component: Option<PathBuf>,
    /// Run that component only if its SHA-256 is this one
    #[arg(long, value_name = "HEX", requires = "component")]
    pub(crate) component_sha256: Option<String>,
    /// Extra CA certificates (PEM), trusted in addition to the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 2 config or command line, 3 catalog, 4 state, 5 token refused, 6 a scope is missing, \
7 the quota was used up for too long, 8 no answer from the store, 9 a fault of the store, 10 the output failed, \
11 some records were set aside, 12 a fault of the component, 130 stopped";

/// The help of `--output`.
fn outputs() -> String {
    let form = |place: Option<(&str, &str)>| place.map_or(String::new(), |(name, _)| format!(":{name}"));
    let forms: Vec<String> = TARGETS.iter().map(|target| format!("{}{}", target.scheme(), form(target.place()))).collect();
    let others: Vec<&str> =
        TARGETS.iter().filter(|target| target.keeps_state().is_none()).map(|target| target.scheme()).collect();
    format!("Where the messages go: {}. All but {} keep their own state", forms.join(", "), others.join(" and "))
}

/// What `--test` tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Test {
    // Not for --help: a comment for each value would make it twice as long.
    All,
    Schema,
}

/// The form of `--about` and `--check`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
    Markdown,
    Meltano,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(std::iter::once("tap-bigcommerce").chain(line.split_whitespace()))
    }

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn singers_flags_are_understood_in_both_forms() {
        for line in [
            "--config a.json --catalog c.json --state s.json",
            "-c a.json --properties c.json -s s.json",
            "-c a.json -p c.json -s s.json",
        ] {
            let args = parse(line).unwrap();
            assert_eq!(args.config, [PathBuf::from("a.json")]);
            assert_eq!((args.catalog, args.state), (Some("c.json".into()), Some("s.json".into())));
        }
        assert!(parse("-c a.json -d").unwrap().discover);
        assert!(parse("--config a.json --state s.json --discover").unwrap().discover, "as Meltano calls it once it has a state");
        assert_eq!(parse("--config a --config ENV").unwrap().config.len(), 2);
    }

    #[test]
    fn a_test_may_say_of_what() {
        for (line, test) in [
            ("-c a", None),
            ("--test -c a", Some(Test::All)),
            ("--test=all", Some(Test::All)),
            ("--test=schema -c a", Some(Test::Schema)),
        ] {
            assert_eq!(parse(line).unwrap().test, test, "{line}");
        }
    }

    #[test]
    fn an_output_is_standard_output_unless_it_is_named() {
        assert_eq!(parse("").unwrap().output, Output::default());
        assert_eq!(format!("{:?}", parse("--output sqlite://shop.db").unwrap().output), "sqlite:shop.db");
        assert_eq!(parse("--output duckdb:x").unwrap_err().exit_code(), 2);
    }

    #[test]
    fn what_makes_no_sense_together_is_refused() {
        for line in [
            "--discover --check",
            "--about --state x",
            "--format json",
            "--discover --output stdout",
            "--nonsense",
            "--test=records",
            "--test --state s",
            "--about --select orders",
            "--check --state s.json",
            "--check --format pdf",
            "--init --check",
            "--init --output sqlite:a.db",
            "--check --report a.html",
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }
}
