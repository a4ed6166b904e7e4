//! The command: from arguments to a run, and from its end to an exit code.

pub(crate) mod args;
mod check;
mod console;
mod dotenv;
mod files;
mod init;
mod live;
mod permissions;
mod report;
mod sandbox;
mod signals;
mod table;
mod trial;

use self::console::Console;
use ::console::Term;
use args::{Args, Format};
use report::Report;
use serde_json::Value;
use std::io::Write;
use tap_bigcommerce::sinks::{Opened, stdout_fault};
use tap_bigcommerce::{
    Failure, Kind, Progress, Result, Sink, SinkError, Snapshot, Stop, Summary, SyncRequest, Tap, TapBuilder, store_identity,
};
use tap_bigcommerce_core::config::{Origin, SETTINGS};
use tap_bigcommerce_core::log::Style;
use tap_bigcommerce_core::plan::{self, Plan};
use tap_bigcommerce_core::singer::state::forget;
use tap_bigcommerce_core::{discover, select};
use tokio::task::JoinSet;

/// Does what the arguments ask for, and gives the exit code.
pub(crate) async fn run(args: &Args) -> u8 {
    let syncs = !(args.about || args.discover || args.check || args.init || args.test.is_some());
    let variables = files::variables(&args.config);
    let (style, warnings) = style(variables.as_deref().unwrap_or_default());
    let console = if syncs { Console::for_sync(args.output.target.place().is_none(), style) } else { Console::plain(style) };
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
        let about = builder(args, console).build()?.about().await?;
        return print(&form_of_about(&about, args.format.unwrap_or_default())?);
    }
    if args.init {
        return init::run(args, console).await;
    }
    let variables = variables?;
    let config = files::config(&args.config, &variables)?;
    permissions::warnings(&args.config).iter().for_each(|warning| console.tell(&format!("WARNING {warning}")));
    if args.discover {
        let catalog = builder(args, console).build()?.discover(&config).await?;
        let catalog = select::apply(Some(catalog), selecting(args), &args.exclude)?.unwrap_or_default();
        return print(&pretty(&catalog)?);
    }
    let (_sandbox, config) = if args.sandbox {
        let (sandbox, config) = sandbox::start(config, console)?;
        (Some(sandbox), config)
    } else if args.config.is_empty() {
        return Err(files::no_config(&variables));
    } else {
        (None, config)
    };
    let tap = tap_for(args, console, &config)?;
    if args.check {
        let report = tap.check(&config).await?;
        print(&form_of_check(args, &report, config)?)?;
        return check::verdict(&report);
    }
    match args.test {
        None => sync(args, console, &tap, config).await,
        Some(test) => trial::run(test, console, &tap, &inputs(args, config)?).await,
    }
}

/// The tap, with leave to go where the config says.
fn tap_for(args: &Args, console: &Console, config: &str) -> Result<Tap> {
    let builder = builder(args, console);
    let tap = match named_origin(config) {
        Some(origin) => builder.allowed_origins([origin.to_string()]).private_addresses(true),
        None => builder,
    };
    tap.build()
}

/// The rules of `--select`; none if there are none.
fn selecting(args: &Args) -> Option<&[String]> {
    (!args.select.is_empty()).then_some(args.select.as_slice())
}

/// What was given, except the state.
fn inputs(args: &Args, config: String) -> Result<plan::Inputs> {
    let catalog = args.catalog.as_deref().map(|file| files::text(file, Kind::Catalog)).transpose()?;
    let (select, exclude) = (selecting(args).map(<[String]>::to_vec), args.exclude.clone());
    Ok(plan::Inputs { config, catalog, select, exclude, ..plan::Inputs::default() })
}

async fn sync(args: &Args, console: &Console, tap: &Tap, config: String) -> Result<()> {
    let given = args.state.as_deref().map(|file| files::text(file, Kind::State)).transpose()?;
    let inputs = plan::Inputs { state: given.clone(), ..inputs(args, config.clone())? };
    check_given(args, &inputs)?;
    let catalog = select::apply(inputs.catalog, selecting(args), &args.exclude)?;
    let report = args.report.as_deref().map(|file| Report::new(file, store_identity(&config)?)).transpose()?;
    let (sink, kept) = open(args, &config, console)?;
    let mut state = given.or(kept);
    for stream in &args.full_refresh {
        state = Some(forget(state.as_deref(), stream)?);
    }
    let (stop, progress) = (Stop::new(), Progress::default());
    let mut background = JoinSet::new();
    background.spawn(signals::watch(stop.clone(), console.clone()));
    background.spawn(console.clone().follow(progress.clone()));
    let request = SyncRequest { config, catalog, state, progress: progress.clone(), ..SyncRequest::default() };
    background.spawn(console.clone().look_ahead(tap.clone(), request.clone()));
    let done = tap.sync(request, sink, &stop).await;
    background.shutdown().await;
    console.clear();
    let reported = report.map_or(Ok(()), |report| report.write(&done, &progress, console.warnings()));
    let done = show(console, &progress.snapshot(), done);
    // A report that cannot be written must not hide why a run failed.
    done.and(reported)
}

/// Shows what a run came to.
fn show(console: &Console, now: &Snapshot, done: Result<Summary>) -> Result<()> {
    match done {
        Ok(summary) => {
            console.summary(&summary);
            summary.failure().map_or(Ok(()), Err)
        }
        Err(failure) => {
            console.interrupted(now);
            Err(failure)
        }
    }
}

/// Names the faults of what was given before anything is opened, so that a run that cannot start leaves no new file behind.
fn check_given(args: &Args, inputs: &plan::Inputs) -> Result<()> {
    if let (Some(output), true) = (args.output.target.keeps_state(), inputs.state.is_some()) {
        let text = format!(
            "{output} holds its own state, and with another one records could be left out of it for good: leave --state out, \
             or use --full-refresh STREAM to read a stream from its start"
        );
        return Err(Failure::new(Kind::State, text));
    }
    args.full_refresh.iter().try_for_each(|stream| forget(None, stream).map(drop))?;
    Plan::new(inputs).map(drop)
}

/// The sink, and the state that it holds.
/// Opens the output, and gives the state that it holds.
fn open(args: &Args, config: &str, console: &Console) -> Result<(Box<dyn Sink>, Option<String>)> {
    let Opened { sink, state, notes } = args.output.open(&store_identity(config)?, &args.full_refresh).map_err(sink_failure)?;
    notes.iter().for_each(|note| console.log(&format!("INFO {note}")));
    Ok((sink, state))
}

fn builder(args: &Args, console: &Console) -> TapBuilder {
    let console = console.clone();
    // A test reads more than it writes, so that the runs' own figures would mislead.
    let warnings_only = args.test.is_some();
    let log = move |line: &str| {
        if !(warnings_only && line.starts_with("INFO ")) {
            console.log(line);
        }
    };
    let builder = Tap::builder().cache(true).on_log(log);
    match &args.ca_file {
        Some(file) => builder.ca_file(file),
        None => builder,
    }
}

/// The place that the config's `api_url` names, unless it is the default: whoever writes it into their own config permits it, wherever
/// its name leads. A wrong one is reported with the config's other faults.
fn named_origin(config: &str) -> Option<Origin> {
    let origin = |text: &str| Origin::parse(text.trim()).ok();
    let default = SETTINGS.iter().find(|setting| setting.key == "api_url").and_then(|setting| origin(setting.default?));
    let config: Value = serde_json::from_str(config).ok()?;
    let named = origin(config.get("api_url")?.as_str()?)?;
    (Some(&named) != default.as_ref()).then_some(named)
}

fn form_of_about(about: &str, format: Format) -> Result<String> {
    Ok(match format {
        Format::Json => pretty(about)?,
        Format::Markdown => discover::markdown(&parse(about)?),
        Format::Meltano => discover::meltano(&parse(about)?),
        Format::Text => discover::plain(&parse(about)?),
    })
}

fn form_of_check(args: &Args, report: &str, config: String) -> Result<String> {
    let stdout = Term::stdout();
    match args.format {
        Some(Format::Markdown | Format::Meltano) => {
            Err(Failure::new(Kind::Config, "--check writes text or json; the other forms are for --about"))
        }
        Some(Format::Json) => pretty(report),
        None if !stdout.is_term() => pretty(report),
        Some(Format::Text) | None => {
            let forecasts = Plan::new(&inputs(args, config)?)?.forecasts();
            check::table(report, &forecasts, table::width(&stdout))
        }
    }
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
    written.map_err(|fault| Failure::new(Kind::Sink, stdout_fault(&fault)))
}

fn sink_failure(error: SinkError) -> Failure {
    Failure::new(Kind::Sink, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn only_another_origin_than_the_default_is_a_named_one() {
        let named = |url: &str| named_origin(&format!(r#"{{"api_url": "{url}"}}"#)).map(|origin| origin.to_string());
        for default in
            ["https://api.bigcommerce.com", " HTTPS://API.bigcommerce.com/ ", "https://api.bigcommerce.com:443", "", "x"]
        {
            assert_eq!(named(default), None, "{default}");
        }
        assert_eq!(named("http://127.0.0.1:8080").as_deref(), Some("http://127.0.0.1:8080"));
        assert_eq!(named("https://api.bigcommerce.com:8443").as_deref(), Some("https://api.bigcommerce.com:8443"));
        assert_eq!(named_origin("{}"), None);
    }

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
