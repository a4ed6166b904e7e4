//! The command: from arguments to a run, and from its end to an exit code.

pub(crate) mod args;
mod check;
mod console;
mod files;
mod sandbox;
mod signals;

use args::{Args, Format, Output};
use console::Console;
use serde_json::{Map, Value};
use std::io::Write;
use tap_bigcommerce::sinks::{SqliteSink, StdoutSink};
use tap_bigcommerce::{Failure, Kind, Progress, Result, Sink, SinkError, Stop, SyncRequest, Tap, TapBuilder, store_identity};
use tap_bigcommerce_core::config::{Config, Credentials, Origin};
use tap_bigcommerce_core::discover;
use tap_bigcommerce_core::singer::state::forget;
use tokio::task::JoinSet;

/// Does what the arguments ask for, and gives the exit code.
pub(crate) async fn run(args: &Args) -> u8 {
    let syncs = !(args.about || args.discover || args.check);
    let console = if syncs { Console::for_sync(args.output == Output::Stdout) } else { Console::plain() };
    let done = perform(args, &console).await;
    console.clear();
    match done {
        Ok(()) => 0,
        Err(failure) => {
            console.tell(&format!("CRITICAL {failure}"));
            failure.kind.exit_code()
        }
    }
}

async fn perform(args: &Args, console: &Console) -> Result<()> {
    if args.about {
        let about = builder(args, console).build()?.about().await?;
        return print(&form_of_about(&about, args.format)?);
    }
    let variables: Vec<(String, String)> =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect();
    let mut config = files::config(&args.config, &variables)?;
    if args.discover {
        let catalog = builder(args, console).build()?.discover(&Value::Object(config).to_string()).await?;
        return print(&pretty(&catalog)?);
    }
    let _sandbox = if args.sandbox {
        Some(sandbox::start(&mut config, console)?)
    } else if args.config.is_empty() {
        return Err(files::no_config(&variables));
    } else {
        None
    };
    let tap = towards(builder(args, console), &config).build()?;
    let config = Value::Object(config).to_string();
    if args.check {
        let report = tap.check(&config).await?;
        print(&pretty(&report)?)?;
        return check::verdict(&report);
    }
    sync(args, console, &tap, config).await
}

async fn sync(args: &Args, console: &Console, tap: &Tap, config: String) -> Result<()> {
    // All of the config's faults are named before anything is opened.
    Config::parse(&config, Credentials::InConfig)?;
    let catalog = args.catalog.as_deref().map(|file| files::text(file, Kind::Catalog)).transpose()?;
    let given = args.state.as_deref().map(|file| files::text(file, Kind::State)).transpose()?;
    let (sink, kept) = open(&args.output, &config)?;
    let mut state = given.or(kept);
    for stream in &args.full_refresh {
        state = Some(forget(state.as_deref(), stream)?);
    }
    let (stop, progress) = (Stop::new(), Progress::default());
    let mut beside = JoinSet::new();
    beside.spawn(signals::watch(stop.clone(), console.clone()));
    beside.spawn(console.clone().follow(progress.clone()));
    let request = SyncRequest { config, catalog, state, progress, ..SyncRequest::default() };
    let done = tap.sync(request, sink, &stop).await;
    beside.shutdown().await;
    console.clear();
    let summary = done?;
    console.summary(&summary);
    summary.failure().map_or(Ok(()), Err)
}

/// The sink, and the state that it holds.
fn open(output: &Output, config: &str) -> Result<(Box<dyn Sink>, Option<String>)> {
    match output {
        Output::Stdout => Ok((Box::new(StdoutSink::new()), None)),
        Output::Sqlite(file) => {
            let sink = SqliteSink::open(file, &store_identity(config)?).map_err(sink_failure)?;
            let state = sink.state().map(str::to_owned);
            Ok((Box::new(sink), state))
        }
    }
}

fn builder(args: &Args, console: &Console) -> TapBuilder {
    let console = console.clone();
    let builder = Tap::builder().on_log(move |line| console.log(line));
    match &args.ca_file {
        Some(file) => builder.ca_file(file),
        None => builder,
    }
}

/// Whoever writes `api_url` into their own config permits it, wherever it leads.
fn towards(builder: TapBuilder, config: &Map<String, Value>) -> TapBuilder {
    match config.get("api_url").and_then(Value::as_str) {
        // A wrong one is named with the config's other faults.
        Some(url) if Origin::parse(url.trim()).is_ok() => builder.allowed_origins([url.trim()]).private_addresses(true),
        _ => builder,
    }
}

fn form_of_about(about: &str, format: Format) -> Result<String> {
    Ok(match format {
        Format::Json => pretty(about)?,
        Format::Markdown => discover::markdown(&parse(about)?),
        Format::Text => discover::plain(&parse(about)?),
    })
}

fn parse(json: &str) -> Result<Value> {
    serde_json::from_str(json)
        .map_err(|fault| Failure::new(Kind::Api, format!("the component answered with what is not JSON: {fault}")))
}

fn pretty(json: &str) -> Result<String> {
    Ok(format!("{:#}", parse(json)?))
}

fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.trim_end().as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    written.map_err(|fault| Failure::new(Kind::Sink, format!("standard output cannot be written: {fault}")))
}

fn sink_failure(error: SinkError) -> Failure {
    Failure::new(Kind::Sink, error.to_string())
}
