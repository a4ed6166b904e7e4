//! A run: slice after slice, until everything is read.

use crate::http::{self, Limits};
use crate::kept::Kept;
use crate::lines::{Batch, Lines};
use crate::log;
use crate::message;
use crate::settings::Settings;
use crate::trouble::Trouble;
use anyhow::{Context, Error, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::time::{Duration, Instant};
use tap_bigcommerce_lease::{Claim, Lease};

/// Bytes per read of a slice.
const CHUNK: u64 = 64 << 10;
/// Each slice should make progress: this many in a row that do not are an error.
const MOST_IDLE: u32 = 3;
/// The tap's position moves with each page: this many lines without a new STATE are an error.
const MOST_LINES: u64 = 1_000_000;
/// A wait is cut into parts, to renew the lock in between.
const NAP: Duration = Duration::from_secs(1);

/// Reads everything that is new since the last run.
pub(crate) fn run(settings: &Settings) -> Result<()> {
    let folder = &settings.folder;
    let catalog = settings.catalog.as_ref().map(|path| -> Result<Box<RawValue>> {
        let text = std::fs::read_to_string(path).with_context(|| format!("the catalog {} cannot be read", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("the catalog {} is not JSON", path.display()))
    });
    let catalog = catalog.transpose()?;
    let named = folder.display();
    let claim = Lease::take(&folder.join("lock"), settings.lease())
        .with_context(|| format!("the folder {named} cannot be used: grant it, and let it be written"))?;
    let lease = match claim {
        Claim::Taken(lease) => lease,
        Claim::Held { left } => bail!(
            "another driver works with the folder {named}. If it was killed, its lock ends by itself in {} s: start again after that. Each store needs a folder of its own",
            left.as_secs()
        ),
    };
    let limits = Limits { connect: settings.connect, answer: settings.timeout };
    let mut run = Run { settings, limits, catalog, lease, slices: 0, lines: 0, unmoved: 0, cut_at_end: 0 };
    let ended = Kept::open(folder, run.lease.number()).and_then(|kept| run.slices(kept));
    if let Err(fault) = run.lease.release() {
        log::warn(&format!("the lock of the folder {named} was not given back ({fault}); it ends by itself"));
    }
    ended
}

/// A truncated response. If it ends right after its last STATE twice, a stream is failing; once may be chance.
fn interrupted(limit: Duration, is_stream_failing: bool) -> Trouble {
    if is_stream_failing {
        let text = "the edge's response was interrupted after its last STATE, which is kept: a stream could not be read, and all others were";
        return Trouble::Lasting(anyhow!("{text}. The edge's log says which stream, and what to do"));
    }
    let text = "the edge's response was interrupted before its end, or nothing came for";
    Trouble::passing(anyhow!("{text} {} s", limit.as_secs()))
}

struct Run<'s> {
    settings: &'s Settings,
    limits: Limits,
    catalog: Option<Box<RawValue>>,
    lease: Lease,
    slices: u64,
    /// Lines that the collector has taken.
    lines: u64,
    /// Lines since the STATE last changed.
    unmoved: u64,
    /// Responses in a row that were interrupted at their last STATE.
    cut_at_end: u32,
}

impl Run<'_> {
    fn slices(&mut self, mut kept: Kept) -> Result<()> {
        if kept.state().is_some() {
            log::info("resuming from the STATE that the last run kept");
        }
        let (mut failed, mut idle) = (0, 0);
        while self.slices < self.settings.max_slices {
            self.slices += 1;
            let before = kept.state().map(ToOwned::to_owned);
            match self.slice(&mut kept) {
                Ok(()) if kept.is_finished() => {
                    self.report(&kept);
                    return Ok(());
                }
                Ok(()) => {
                    (failed, self.cut_at_end) = (0, 0);
                    let moved = before.as_deref().map(RawValue::get) != kept.state().map(RawValue::get);
                    idle = if moved { 0 } else { idle + 1 };
                    if idle == MOST_IDLE {
                        bail!(
                            "{MOST_IDLE} slices in a row have brought nothing new, although there is more: look at the edge's log"
                        );
                    }
                }
                Err(Trouble::Lasting(why)) => return Err(why),
                Err(Trouble::Passing(why, wait)) => {
                    // A platform may end each request at its own time limit: if the STATE has moved, that is progress.
                    let moved = before.as_deref().map(RawValue::get) != kept.state().map(RawValue::get);
                    failed = if moved { 1 } else { failed + 1 };
                    self.pause(failed, wait, why).context("the last STATE is kept, and the next run resumes there")?;
                }
            }
        }
        bail!("there is more to read after {} slices, as many as MAX_SLICES allows; the next run resumes there", self.slices)
    }

    /// Reads one slice to its end.
    fn slice(&mut self, kept: &mut Kept) -> Result<(), Trouble> {
        self.hold()?;
        let body = self.request(kept).map_err(Trouble::Lasting)?;
        let response = http::post(&self.settings.edge, "application/json", &body, self.limits)?;
        let (mut lines, mut batch, mut is_state_last) = (Lines::default(), Batch::default(), false);
        let (mut at, mut waited) = (Instant::now(), Duration::ZERO);
        loop {
            let limit = self.limits.answer;
            let asked = Instant::now();
            let chunk = response.chunk(CHUNK);
            waited += asked.elapsed();
            if waited > self.settings.longest_slice() {
                let text = "the edge has not ended a slice for";
                return Err(Trouble::passing(anyhow!("{text} {} s; check EDGE_URL", waited.as_secs())));
            }
            let Ok(bytes) = chunk else {
                self.cut_at_end = if is_state_last && kept.is_finished() { self.cut_at_end + 1 } else { 0 };
                return Err(interrupted(limit, self.cut_at_end > 1));
            };
            let Some(bytes) = bytes else { break };
            self.hold()?;
            lines.push(&bytes);
            let mut has_line = false;
            while let Some(line) = lines.next().map_err(Trouble::Lasting)? {
                has_line = true;
                let state = message::state(line).map_err(Trouble::Lasting)?;
                is_state_last = state.is_some();
                batch.add(line);
                self.unmoved += 1;
                if state.is_some() || batch.is_full() {
                    self.collect(&mut batch)?;
                }
                if let Some(state) = state {
                    self.keep(kept, state)?;
                }
                if self.unmoved > MOST_LINES {
                    return Err(Trouble::Lasting(anyhow!("{MOST_LINES} lines came without a new STATE: look at the edge's log")));
                }
            }
            if has_line {
                at = Instant::now();
            } else if at.elapsed() > limit {
                return Err(Trouble::passing(anyhow!("the edge sent no whole line for {} s", limit.as_secs())));
            }
        }
        if lines.has_rest() || !is_state_last {
            return Err(Trouble::passing(anyhow!("the edge's response ended in the middle, without a STATE")));
        }
        Ok(())
    }

    fn request(&self, kept: &Kept) -> Result<Vec<u8>> {
        #[derive(Serialize)]
        struct Body<'b> {
            #[serde(skip_serializing_if = "Option::is_none")]
            state: Option<&'b RawValue>,
            #[serde(skip_serializing_if = "Option::is_none")]
            catalog: Option<&'b RawValue>,
            #[serde(skip_serializing_if = "Option::is_none")]
            select: Option<&'b [String]>,
            #[serde(skip_serializing_if = "Option::is_none")]
            max_records: Option<u64>,
            max_seconds: u64,
        }
        let Settings { select, max_records, max_seconds, .. } = self.settings;
        let body = Body {
            state: kept.state(),
            catalog: self.catalog.as_deref(),
            select: select.as_deref(),
            max_records: *max_records,
            max_seconds: *max_seconds,
        };
        Ok(serde_json::to_vec(&body)?)
    }

    /// Keeps a STATE. The collector has every line before it.
    fn keep(&mut self, kept: &mut Kept, state: &RawValue) -> Result<(), Trouble> {
        if kept.state().map(RawValue::get) != Some(state.get()) {
            self.unmoved = 0;
        }
        self.hold()?;
        kept.keep(state).map_err(Trouble::Lasting)
    }

    /// Sends a batch to the collector, until it says that it has taken all of it.
    fn collect(&mut self, batch: &mut Batch) -> Result<(), Trouble> {
        let mut failed = 0;
        loop {
            self.hold()?;
            let why = match self.send(batch) {
                Ok(()) => break,
                Err(Trouble::Lasting(why)) => Err(why),
                Err(Trouble::Passing(why, wait)) => {
                    failed += 1;
                    self.pause(failed, wait, why)
                }
            };
            why.context("the lines were not taken; the STATE before them is kept, and the next run sends them again")
                .map_err(Trouble::Lasting)?;
        }
        self.lines += batch.lines;
        batch.clear();
        Ok(())
    }

    fn send(&self, batch: &Batch) -> Result<(), Trouble> {
        #[derive(Deserialize)]
        struct Taken {
            lines: u64,
        }
        let response = http::post(&self.settings.collector, "application/x-ndjson", &batch.bytes, self.limits)?;
        let rest = http::rest(&response, self.limits);
        let rest =
            rest.ok_or_else(|| Trouble::passing(anyhow!("the collector's answer was interrupted, too long or too slow")))?;
        match serde_json::from_slice(&rest) {
            Ok(Taken { lines }) if lines == batch.lines => Ok(()),
            Ok(Taken { lines }) => {
                Err(Trouble::Lasting(anyhow!("the collector counted {lines} of {} lines: look at its log", batch.lines)))
            }
            Err(_) => Err(Trouble::Lasting(anyhow!("the collector did not answer with a count of lines; check COLLECTOR_URL"))),
        }
    }

    /// Waits before the next try. Fails if there is no next try.
    fn pause(&mut self, failed: u32, named: Option<Duration>, why: Error) -> Result<()> {
        if failed >= self.settings.tries {
            return Err(why.context(format!("given up after {failed} tries")));
        }
        let Some(wait) = self.settings.wait(failed, named) else {
            return Err(why.context(format!("the next try is wanted in {} s", named.unwrap_or_default().as_secs())));
        };
        log::warn(&format!("{why:#}; try {} of {} follows in {} s", failed + 1, self.settings.tries, wait.as_secs()));
        let end = Instant::now() + wait;
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            std::thread::sleep(left.min(NAP));
            self.hold_on()?;
        }
        Ok(())
    }

    /// Renews the lock.
    fn hold_on(&mut self) -> Result<()> {
        let named = self.settings.folder.display();
        match self.lease.renew().with_context(|| format!("the lock in the folder {named} cannot be renewed"))? {
            true => Ok(()),
            false => bail!(
                "another driver has taken the lock of the folder {named}, because this one stood still for too long; let it work"
            ),
        }
    }

    fn hold(&mut self) -> Result<(), Trouble> {
        self.hold_on().map_err(Trouble::Lasting)
    }

    fn report(&self, kept: &Kept) {
        let aside: Vec<String> = kept.aside().into_iter().map(|(stream, count)| format!("{count} of {stream}")).collect();
        if !aside.is_empty() {
            let text = "the store could not serve everything, and the next run asks again. Entries that are set aside:";
            log::warn(&format!("{text} {}; the edge's log names each one", aside.join(", ")));
        }
        log::info(&format!("everything is read: {} lines in {} slices", self.lines, self.slices));
    }
}
