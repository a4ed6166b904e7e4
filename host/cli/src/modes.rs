//! What the program does: from arguments to a call of the tap, and from its end to an exit code.

use crate::args::{Args, Test};
use crate::console::Console;
use crate::report::Report;
use crate::state_file::{Given, StateFile};
use crate::tap::{run as run_of, selection, tap as tap_of};
use crate::target::{Group, TargetSink};
use crate::{check, files, forms, init, permissions, sandbox, signals};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::future::Future;
use std::io::{IsTerminal, stdout};
use std::path::Path;
use tap_bigcommerce::sinks::{AnySink, BatchSink, Batches, Message, Opened, StdoutSink};
use tap_bigcommerce::{Failure, Kind, Plan, Progress, Result, Run, SinkError, Stop, store_identity};
use tap_bigcommerce_core::config::{Config, Credentials};
use tap_bigcommerce_core::log::Style;
use tokio::task::JoinSet;

const WITHOUT_TARGET: &str = "--state-file works only with --target: behind a pipe the tap cannot see what the target has stored, and a state that runs \
                              ahead of it would skip records for good; write --target 'COMMAND' instead of | COMMAND, or pass the last line \
                              that the target prints to the next run with --state";
const POURING: &str = "the sandbox writes thousands of lines of JSON, and standard output is a terminal; write to a file with \
                       --output sqlite:shop.db, or see the first lines with: tap-bigcommerce sandbox 2> tap.log | head";

/// Does what the arguments ask for, and gives the exit code.
pub(crate) async fn run(args: &Args) -> u8 {
    let syncs = !(args.about || args.discover || args.check || args.init || args.test.is_some());
    let variables = files::variables(&args.config);
    let (style, warnings) = style(variables.as_deref().unwrap_or_default());
    // A target's own messages go to the same standard error.
    let is_shared = || args.target.is_some() || (args.output().target.place().is_none() && stdout().is_terminal());
    let console = if syncs { Console::for_sync(is_shared(), style) } else { Console::plain(style) };
    warnings.iter().for_each(|warning| console.tell(&format!("WARNING {warning}")));
    let done = perform(args, &console, variables).await;
    console.clear();
    match done {
        Ok(()) => 0,
        Err(failure) => {
            console.tell(&format!("CRITICAL {failure}"));
            failure.kind.exit_code()
        }
    }
}

/// The style of log lines that the variables ask for, those of the environment first.
fn style(variables: &[(String, String)]) -> (Style, Vec<String>) {
    let of_file = |name: &str| variables.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    Style::from_env(|name| std::env::var(name).ok().or_else(|| of_file(name)))
}

async fn perform(args: &Args, console: &Console, variables: Result<Vec<(String, String)>>) -> Result<()> {
    if args.about {
        let told = tap_of(args, console)?.about().await?;
        return forms::print(&forms::about(args, &told)?);
    }
    if args.init {
        return init::run(args, console).await;
    }
    if args.sandbox
        && args.output.is_none()
        && args.target.is_none()
        && !args.check
        && args.test.is_none()
        && stdout().is_terminal()
    {
        return Err(Failure::new(Kind::Config, POURING));
    }
    let variables = variables?;
    let config = files::config(&args.config, &variables)?;
    permissions::warnings(&args.config).iter().for_each(|warning| console.tell(&format!("WARNING {warning}")));
    if args.discover {
        let catalog = tap_of(args, console)?.discover(&config, &selection(args)).await?;
        return forms::print(&forms::pretty(&catalog)?);
    }
    let (_sandbox, config) = if args.sandbox {
        let (sandbox, config) = sandbox::start(config, console)?;
        (Some(sandbox), config)
    } else if args.config.is_empty() {
        return Err(files::no_config(&variables));
    } else {
        (None, config)
    };
    let (config, batches) = if takes_batches(args) { split(config) } else { (config, None) };
    let run = run_of(args, console, &tap_of(args, console)?, &config)?;
    if args.check || args.test.is_some() {
        let plan = run.plan().await?;
        console.know(plan.streams);
        if args.test == Some(Test::Schema) {
            return forms::print(&plan.schemas.join("\n"));
        }
    }
    if args.check {
        let report = run.check().await?;
        forms::print(&forms::check(args, &report)?)?;
        return check::verdict(&report);
    }
    if args.test.is_some() {
        let stop = Stop::new();
        let signals = signals::watch(stop.clone(), console.clone(), Group::default());
        return while_waiting(signals, run.stop(&stop).test(StdoutSink::new())).await.result;
    }
    sync(args, console, run, (&config, batches)).await
}

async fn sync(args: &Args, console: &Console, run: Run, (config, batches): (&str, Option<Batches>)) -> Result<()> {
    let given = state(args)?;
    let text = given.as_ref().map(|(_, given)| given.state.clone());
    // Check the input before anything is opened, so that a run that cannot start leaves no new file behind.
    let plan = run.clone().state(text.clone()).plan().await?;
    let read_whole = written_names(&args.full_refresh, &plan);
    console.know(plan.streams);
    let store = store_identity(config)?;
    given.map_or(Ok(()), |(file, given)| given.check(file, &store))?;
    let report = args.report.as_deref().map(|file| Report::new(file, store.clone())).transpose()?;
    let (Opened { sink, state, notes }, target) = open(args, console, store, &read_whole).map_err(sink_failure)?;
    let sink = match batches {
        Some(batches) => AnySink::new(BatchSink::new(sink, batches).map_err(sink_failure)?),
        None => sink,
    };
    notes.iter().for_each(|note| console.log(&format!("INFO {note}")));
    let (stop, progress) = (Stop::new(), Progress::default());
    let run = run.state(text.or(state)).stop(&stop).progress(&progress);
    let mut background = JoinSet::new();
    background.spawn(signals::watch(stop, console.clone(), target));
    background.spawn(console.clone().follow(progress.clone()));
    console.look_ahead(&run).await;
    let ended = run.into(sink).await;
    background.shutdown().await;
    // Close the output before printing anything else.
    drop(ended.sink);
    console.clear();
    let reported =
        report.map_or(Ok(()), |report| report.write(ended.summary.as_ref(), &ended.result, &progress, console.warnings()));
    match &ended.summary {
        Some(summary) => console.summary(summary),
        None => console.interrupted(&progress.snapshot(), &progress.spent()),
    }
    // A report that cannot be written must not hide why a run failed.
    ended.result.and(reported)
}

/// The state that was given, and its file. None: a first run, or one whose output keeps its own state.
fn state(args: &Args) -> Result<Option<(&Path, Given)>> {
    let Some((flag, file)) =
        args.state.as_ref().map(|file| ("--state", file)).or(args.state_file.as_ref().map(|file| ("--state-file", file)))
    else {
        return Ok(None);
    };
    if let Some(output) = args.output().target.keeps_state() {
        let text = format!(
            "{output} keeps its own state, and a second one could skip records for good: leave {flag} out, \
             or use --full-refresh STREAM to read a stream from its start"
        );
        return Err(Failure::new(Kind::State, text));
    }
    let given = match (&args.state_file, &args.target) {
        (None, _) => Some(Given::read(file)?),
        (Some(_), Some(_)) => Given::resume(file)?,
        (Some(_), None) => return Err(Failure::new(Kind::Config, WITHOUT_TARGET)),
    };
    Ok(given.map(|given| (file.as_path(), given)))
}

/// Whether the messages go to a Singer target.
fn takes_batches(args: &Args) -> bool {
    args.output().target.place().is_none() && !args.check && args.test.is_none()
}

/// Splits off the settings for batch files, because the tap has no files. Mistakes in the config are left for the tap to report.
fn split(config: String) -> (String, Option<Batches>) {
    let Ok((Config { batches: Some(batches), .. }, _)) = Config::parse(&config, Credentials::MayBeEmbedders) else {
        return (config, None);
    };
    let Ok(mut map) = serde_json::from_str::<Map<String, Value>>(&config) else { return (config, None) };
    map.remove("batch_config");
    (Value::Object(map).to_string(), Some(batches))
}

/// The names of these streams in the messages: `stream_maps` may rename them.
fn written_names(streams: &[String], plan: &Plan) -> Vec<String> {
    let written = |schema: &String| Message::read(schema.as_bytes()).stream().map(str::to_owned);
    let names: HashMap<&str, String> =
        plan.streams.iter().map(String::as_str).zip(plan.schemas.iter().filter_map(written)).collect();
    streams.iter().map(|name| names.get(name.as_str()).unwrap_or(name).clone()).collect()
}

/// Opens the output, or starts the target. The process group is the target's.
fn open(args: &Args, console: &Console, store: String, read_whole: &[String]) -> std::result::Result<(Opened, Group), SinkError> {
    match (&args.target, &args.state_file) {
        (Some(line), Some(file)) => {
            let sink = TargetSink::start(line, StateFile { file: file.clone(), store }, console.clone())?;
            let group = sink.group();
            Ok((Opened::new(sink), group))
        }
        _ => Ok((args.output().open(&store, read_whole)?, Group::default())),
    }
}

/// Awaits a future, and runs another one in the background until then.
async fn while_waiting<T>(other: impl Future<Output = ()> + Send + 'static, future: impl Future<Output = T>) -> T {
    let mut background = JoinSet::new();
    background.spawn(other);
    let given = future.await;
    background.shutdown().await;
    given
}

fn sink_failure(error: SinkError) -> Failure {
    Failure::new(Kind::Sink, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn log_variables_count_wherever_the_config_is_read_from() {
        let variables = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| (format!("TAP_BIGCOMMERCE_{name}"), (*value).to_owned())).collect()
        };
        assert!(style(&variables(&[("LOG_FORMAT", "text"), ("LOG_FORMAT", "json")])).0.is_json(), "the last line counts");
        assert!(!style(&[]).0.is_json());
        assert!(style(&variables(&[("LOGLEVEL", "loud")])).1[0].contains("TAP_BIGCOMMERCE_LOGLEVEL"));
    }

    /// Runs the program into a file of its own; the store is never asked.
    async fn refused(folder: &tempfile::TempDir, more: &[&str]) -> u8 {
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(path("config.json"), r#"{"access_token": "t", "store_hash": "abc", "api_url": "http://127.0.0.1:1"}"#)
            .unwrap();
        std::fs::write(path("state.json"), "{}").unwrap();
        std::fs::write(path("catalog.json"), r#"{"streams": 1}"#).unwrap();
        let more = more.iter().map(|word| if word.ends_with(".json") { path(word) } else { (*word).to_owned() });
        let args = ["tap-bigcommerce".to_owned(), "--config".into(), path("config.json"), "--output".into()];
        let output = format!("sqlite:{}", path("new.db"));
        run(&Args::parse_from(args.into_iter().chain([output]).chain(more))).await
    }

    #[tokio::test]
    async fn a_run_that_cannot_start_leaves_no_file_behind() {
        let folder = tempfile::tempdir().unwrap();
        for (more, kind) in [
            (["--catalog", "catalog.json"], Kind::Catalog),
            (["--full-refresh", "no_such_stream"], Kind::Config),
            (["--state", "state.json"], Kind::State),
        ] {
            assert_eq!(refused(&folder, &more).await, kind.exit_code(), "{more:?}");
            assert!(!folder.path().join("new.db").exists(), "{more:?}");
        }
    }
}
