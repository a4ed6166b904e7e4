//! The command interface: `wasmtime run -S http --dir . tap_bigcommerce.wasm --config config.json`.
//!
//! wasi:cli 0.2 knows success and failure only, so every failure ends with exit code 1; the line on stderr names its kind.

use crate::Tap;
use crate::clock::WasiClock;
use crate::log::Stderr;
use crate::sink::StreamSink;
use crate::transport::WasiHttp;
use lexopt::{Arg, Parser, ValueExt};
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::rc::Rc;
use tap_bigcommerce_core::config;
use tap_bigcommerce_core::error::{Failure, Kind, Result};
use tap_bigcommerce_core::log::{Level, Log};
use tap_bigcommerce_core::plan::{Inputs, Plan};
use tap_bigcommerce_core::singer::message::Sink;
use tap_bigcommerce_core::sync::sync;
use tap_bigcommerce_core::trial::trial;
use tap_bigcommerce_core::{about, check, discover, select};
use wstd::runtime::block_on;

const HELP: &str = "\
Usage: wasmtime run -S http --dir . tap_bigcommerce.wasm [OPTIONS]

  -c, --config FILE      settings, a JSON object; again for more, the later ones win; ENV reads TAP_BIGCOMMERCE_*
  --catalog FILE         what to read, a Singer catalog; default: everything
  -p, --properties FILE  the older name of --catalog
  -s, --state FILE       where the last run ended, the value of its last STATE
  --select RULES         read only these: orders,products.variants; * is a wildcard; again for more
  --exclude RULES        leave these out: customers.notes; again for more
  --full-refresh STREAM  read this stream from its start again; again for more
  -d, --discover         write the catalog, as --select and --exclude have it
  --test                 read one record of each selected stream; --test=schema writes only their SCHEMA messages
  --check                show which streams the access token can read, and the requests that each selected stream takes
  --about                print settings and streams; --format json|markdown|meltano|text
  -V, --version; -h, --help

Messages go to standard output, the log to standard error. Only files inside the folders granted with --dir can be read.
";

impl wasi::exports::cli::run::Guest for Tap {
    fn run() -> std::result::Result<(), ()> {
        let done = Options::parse(Parser::from_env()).and_then(|options| block_on(run(options)));
        done.map_err(|failure| Stderr.failure(Level::Critical, &failure))
    }
}

/// What the user asked for.
#[derive(Default)]
struct Options {
    action: Action,
    configs: Vec<String>,
    catalog: Option<String>,
    state: Option<String>,
    select: Vec<String>,
    exclude: Vec<String>,
    full_refresh: Vec<String>,
    format: Option<String>,
}

#[derive(Default)]
enum Action {
    #[default]
    Sync,
    Discover,
    Test,
    TestSchema,
    Check,
    About,
    Print(String),
}

impl Options {
    fn parse(mut arguments: Parser) -> Result<Options> {
        let mut options = Options::default();
        let wrong = |fault: lexopt::Error| Failure::new(Kind::Config, format!("{fault}; see --help"));
        while let Some(argument) = arguments.next().map_err(wrong)? {
            let name = match argument {
                Arg::Long(name) => name,
                Arg::Short('c') => "config",
                Arg::Short('p') => "catalog",
                Arg::Short('s') => "state",
                Arg::Short('d') => "discover",
                Arg::Short('h') => "help",
                Arg::Short('V') => "version",
                _ => return Err(wrong(argument.unexpected())),
            };
            match name {
                "discover" => options.action = Action::Discover,
                "test" => options.action = test(arguments.optional_value())?,
                "check" => options.action = Action::Check,
                "about" => options.action = Action::About,
                "help" => options.action = Action::Print(HELP.to_owned()),
                "version" => {
                    options.action = Action::Print(concat!("tap-bigcommerce ", env!("CARGO_PKG_VERSION"), "\n").to_owned())
                }
                "config" | "catalog" | "properties" | "state" | "select" | "exclude" | "full-refresh" | "format" => {
                    let name = name.to_owned();
                    let value = arguments.value().and_then(|value| value.string()).map_err(wrong)?;
                    options.set(&name, value);
                }
                _ => return Err(wrong(argument.unexpected())),
            }
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: String) {
        match name {
            "config" => self.configs.push(value),
            "state" => self.state = Some(value),
            "select" => self.select.push(value),
            "exclude" => self.exclude.push(value),
            "full-refresh" => self.full_refresh.push(value),
            "format" => self.format = Some(value),
            _ => self.catalog = Some(value),
        }
    }

    fn config(&self) -> Result<String> {
        if self.configs.is_empty() {
            return Err(Failure::new(
                Kind::Config,
                "no config was given: use --config FILE, or --config ENV for TAP_BIGCOMMERCE_*",
            ));
        }
        let sources = self.configs.iter().map(|name| match name.as_str() {
            "ENV" => Ok(("the environment".to_owned(), Value::Object(config::from_env(std::env::vars())).to_string())),
            file => Ok((file.to_owned(), read(file, Kind::Config)?)),
        });
        config::merge(&sources.collect::<Result<Vec<_>>>()?)
    }

    fn inputs(&self) -> Result<Inputs> {
        let catalog = self.catalog.as_deref().map(|file| read(file, Kind::Catalog)).transpose()?;
        let state = self.state.as_deref().map(|file| read(file, Kind::State)).transpose()?;
        let (select, exclude, full_refresh) = (self.select(), self.exclude.clone(), self.full_refresh.clone());
        Ok(Inputs { config: self.config()?, catalog, select, exclude, state, full_refresh, ..Inputs::default() })
    }

    fn select(&self) -> Option<Vec<String>> {
        (!self.select.is_empty()).then(|| self.select.clone())
    }
}

/// What the value of `--test` asks for.
fn test(value: Option<OsString>) -> Result<Action> {
    match value.as_deref().map(OsStr::to_str) {
        None | Some(Some("all")) => Ok(Action::Test),
        Some(Some("schema")) => Ok(Action::TestSchema),
        Some(_) => Err(Failure::new(Kind::Config, "--test is all or schema; see --help")),
    }
}

async fn run(options: Options) -> Result<()> {
    match &options.action {
        Action::Sync => {
            let plan = Plan::new(&options.inputs()?)?;
            let mut sink = StreamSink::new(wasi::cli::stdout::get_stdout());
            let summary = sync(plan, WasiHttp, WasiClock, Rc::new(Stderr), &mut sink, std::future::pending()).await?;
            summary.verdict().map_or(Ok(()), Err)
        }
        Action::Discover => {
            // The catalog is the same for every store, but a config that is given must still be readable.
            options.configs.first().map(|_| options.config()).transpose()?;
            let catalog = select::apply(Some(discover::catalog().to_string()), options.select().as_deref(), &options.exclude)?;
            let catalog: Value = catalog.and_then(|catalog| serde_json::from_str(&catalog).ok()).unwrap_or_default();
            print(&format!("{catalog:#}\n")).await
        }
        Action::Test => {
            let mut sink = StreamSink::new(wasi::cli::stdout::get_stdout());
            trial(&options.inputs()?, WasiHttp, WasiClock, Rc::new(Stderr), &mut sink, std::future::pending()).await
        }
        Action::TestSchema => {
            let mut sink = StreamSink::new(wasi::cli::stdout::get_stdout());
            Plan::new(&options.inputs()?)?.write_schemas(&mut sink).await
        }
        Action::Check => {
            let report = check::check(&options.inputs()?, WasiHttp, WasiClock, Rc::new(Stderr)).await?;
            print(&format!("{:#}\n", report.to_json())).await?;
            check::verdict(&report).map_or(Ok(()), Err)
        }
        Action::About => {
            let told = about::about();
            print(&match options.format.as_deref() {
                None | Some("text") => about::plain(&told),
                Some("markdown") => about::markdown(&told),
                Some("meltano") => about::meltano(&told),
                Some("json") => format!("{told:#}\n"),
                Some(_) => return Err(Failure::new(Kind::Config, "--format is json, markdown, meltano or text")),
            })
            .await
        }
        Action::Print(text) => print(text).await,
    }
}

async fn print(text: &str) -> Result<()> {
    let mut sink = StreamSink::new(wasi::cli::stdout::get_stdout());
    let written = async {
        sink.write(text.as_bytes()).await?;
        sink.settle().await
    };
    written.await.map_err(|why| Failure::new(Kind::Sink, why))
}

fn read(file: &str, kind: Kind) -> Result<String> {
    std::fs::read_to_string(file).map_err(|fault| {
        Failure::new(kind, format!("{file} cannot be read ({fault}); grant access to its folder with --dir, and check its name"))
    })
}
