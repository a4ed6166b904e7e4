//! The flags of the command line. Its commands are in `words.rs`.

use crate::target::CommandLine;
use clap::{ArgGroup, Parser, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;
use tap_bigcommerce::sinks::{LACKING, Output, TARGETS};

/// A Singer tap for BigCommerce: reads orders, customers, products and the rest of a store, and writes them to a file, a database or a Singer target.
#[derive(Clone, Debug, Default, Parser)]
#[command(name = "tap-bigcommerce", version, after_help = format!("Examples:\n{EXAMPLES}\n\nExit codes: {EXIT_CODES}"), max_term_width = WIDTH)]
#[command(group(ArgGroup::new("told").args(["about", "check"])))]
pub(crate) struct Args {
    /// JSON file with settings. Can be repeated: later files override earlier ones, key by key. Use ENV to read the TAP_BIGCOMMERCE_* variables
    #[arg(short, long, value_name = "FILE", help_heading = READ)]
    pub(crate) config: Vec<PathBuf>,
    /// Singer catalog, as written by `discover`. Without one, the tap reads its default streams
    #[arg(long, visible_alias = "properties", short_alias = 'p', value_name = "FILE", help_heading = READ)]
    pub(crate) catalog: Option<PathBuf>,
    /// Read only these streams and fields: orders,products.variants. * matches any part of a name. Can be repeated
    #[arg(long, value_name = "RULES", conflicts_with = "about", help_heading = READ)]
    pub(crate) select: Vec<String>,
    /// Leave out these streams and fields: customers.notes. Can be repeated
    #[arg(long, value_name = "RULES", conflicts_with = "about", help_heading = READ)]
    pub(crate) exclude: Vec<String>,
    /// Read this stream from its start, ignoring the state. Can be repeated
    #[arg(long, value_name = "STREAM", help_heading = READ)]
    pub(crate) full_refresh: Vec<String>,
    #[arg(long, value_name = "OUTPUT", help = outputs(), help_heading = WRITE)]
    pub(crate) output: Option<Output>,
    /// Start this Singer target and write the messages to it: --target 'target-jsonl --config target.json'. Requires --state-file
    #[arg(long, value_name = "COMMAND", requires = "state_file", conflicts_with = "output", help_heading = WRITE)]
    pub(crate) target: Option<CommandLine>,
    /// With --target: resume from the state in this file, and replace it with each STATE that the target prints
    #[arg(long, value_name = "FILE", conflicts_with = "state", help_heading = WRITE)]
    pub(crate) state_file: Option<PathBuf>,
    /// Resume from this state: a JSON file with the value of the last STATE message
    #[arg(short, long, value_name = "FILE", help_heading = WRITE)]
    pub(crate) state: Option<PathBuf>,
    /// When the run ends, write an HTML page about it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["discover", "check", "about", "test"], help_heading = WRITE)]
    pub(crate) report: Option<PathBuf>,
    /// Same as `init`
    #[arg(long, help_heading = TRY, conflicts_with_all = ["catalog", "state", "state_file", "select", "exclude", "test", "discover", "check",
                                                       "full_refresh", "about", "output", "sandbox", "report"])]
    pub(crate) init: bool,
    /// Same as `check`
    #[arg(long, conflicts_with_all = ["about", "state", "state_file", "full_refresh", "output"], help_heading = TRY)]
    pub(crate) check: bool,
    /// Same as `discover`
    #[arg(short, long, conflicts_with_all = ["check", "about", "state_file", "full_refresh", "output"], help_heading = TRY)]
    pub(crate) discover: bool,
    /// Same as `about`
    #[arg(long, conflicts_with_all = ["state", "state_file", "full_refresh", "output"], help_heading = TRY)]
    pub(crate) about: bool,
    /// Same as `sandbox`; it can be combined with --check and --test
    #[arg(long, help_heading = TRY)]
    pub(crate) sandbox: bool,
    /// Read one record of each selected stream, then exit; with `=schema`, print only their SCHEMA messages
    #[arg(long, value_enum, value_name = "WHAT", num_args = 0..=1, default_missing_value = "all", help_heading = TRY,
          conflicts_with_all = ["discover", "check", "about", "state", "state_file", "full_refresh", "output"])]
    pub(crate) test: Option<Test>,
    /// Output format of `about` and `check` (default of `check`: text on a terminal, otherwise JSON)
    #[arg(long, value_enum, requires = "told", help_heading = TRY)]
    pub(crate) format: Option<Format>,
    /// Extra CA certificates (PEM), trusted in addition to the system's
    #[arg(long, value_name = "FILE", help_heading = RUN)]
    pub(crate) ca_file: Option<PathBuf>,
    /// Use this component instead of the built-in one; its SHA-256 is logged
    #[arg(long, value_name = "FILE", help_heading = RUN)]
    pub(crate) component: Option<PathBuf>,
    /// Refuse the component unless its SHA-256 matches
    #[arg(long, value_name = "HEX", requires = "component", help_heading = RUN)]
    pub(crate) component_sha256: Option<String>,
}

/// Wider lines are hard to read.
const WIDTH: usize = 100;
const READ: &str = "What to read";
const WRITE: &str = "Where to write";
const TRY: &str = "Set up, check, try";
const RUN: &str = "Connection and component";

pub(crate) const EXAMPLES: &str = "  Try it with a simulated store:
    tap-bigcommerce sandbox --output sqlite:shop.db
  Set up an account, then copy its store into a file:
    tap-bigcommerce init
    tap-bigcommerce --config config.json --output sqlite:shop.db
  Write to a Singer target:
    tap-bigcommerce -c config.json --state-file state.json --target target-jsonl";

pub(crate) const EXIT_CODES: &str = "\
0 done, 2 config or command line, 3 catalog, 4 state, 5 token refused, 6 a scope is missing, \
7 the quota stayed exhausted too long, 8 store unreachable, 9 store error, 10 the output failed, \
11 some records were set aside, 12 component error, 130 interrupted";

/// Says what is wrong with the arguments, or what they ask for, as its help; and ends the program.
pub(crate) fn refuse(fault: &clap::Error, given: &[OsString]) -> ! {
    let said = fault.render().to_string();
    let shown = without_secrets(&said, given);
    if shown == said {
        fault.exit();
    }
    eprint!("{shown}");
    std::process::exit(fault.exit_code())
}

/// What is said of arguments, without the rest of each that may hold a password: a URL with one that was mistyped, or that is in the wrong place.
fn without_secrets(said: &str, given: &[OsString]) -> String {
    let mut shown = said.to_owned();
    for argument in given {
        let argument = argument.to_string_lossy();
        if let Some((_, rest)) = argument.split_once(':')
            && (rest.starts_with("//") || rest.contains(['@', '?', '=']))
        {
            shown = shown.replace(rest, "…");
        }
    }
    shown
}

/// The help of `--output`.
fn outputs() -> String {
    let form = |place: Option<(&str, &str)>| place.map_or(String::new(), |(name, _)| format!(":{name}"));
    let forms: Vec<String> = TARGETS.iter().map(|target| format!("{}{}", target.scheme(), form(target.place()))).collect();
    let others: Vec<&str> =
        TARGETS.iter().filter(|target| target.keeps_state().is_none()).map(|target| target.scheme()).collect();
    let lacking: String = LACKING.iter().map(|scheme| format!(". Not in this build: {scheme}")).collect();
    let (forms, others) = (forms.join(", "), others.join(" and "));
    format!("Where to write: {forms}. All except {others} keep their own state{lacking} [default: stdout]")
}

impl Args {
    /// Where the messages go without a target.
    pub(crate) fn output(&self) -> Output {
        self.output.clone().unwrap_or_default()
    }
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
        assert_eq!(parse("").unwrap().output(), Output::default());
        assert_eq!(format!("{:?}", parse("--output sqlite://shop.db").unwrap().output()), "sqlite:shop.db");
        assert_eq!(parse("--output duckdb:x").unwrap_err().exit_code(), 2);
    }

    #[test]
    fn what_is_said_of_arguments_shows_no_password() {
        for line in [
            "--output postgress://tap:s3cret@db/shop",
            "--output=postgress://tap:s3'cret@db/shop",
            "--output postgres://tap:s3@cret@db/shop",
            "--output postgres:tap:s3cret@db",
            "--output postgres://tap@db/shop?password=s3cret&sslmode=no",
            "--output postgres://db/shop?user=tap&pwd=s3cret",
            "--output postgres:db/shop?pass=s3cret",
            "--output postgres://tap:s3cret/shop",
            "--output postgres:dbname=shop;pwd=s3cret",
            "--outputs=postgres://tap:s3cret@db/shop",
            "postgres://tap:s3cret@db/shop",
            "--test=postgres://tap:s3cret@db/shop",
        ] {
            let given: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
            let shown = without_secrets(&parse(line).unwrap_err().render().to_string(), &given);
            assert!(!shown.contains("s3") && !shown.contains("cret") && shown.contains("error:"), "{line}: {shown}");
        }
        let said = parse("--output duckdb:x").unwrap_err().render().to_string();
        assert_eq!(without_secrets(&said, &["--output".into(), "duckdb:x".into()]), said);
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
            "--target t",
            "--target t --state-file s --output sqlite:a.db",
            "--target t' --state-file s",
            "--target= --state-file s",
            "--state s --state-file s --target t",
            "--check --state-file s --target t",
            "--init --state-file s",
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }
}
