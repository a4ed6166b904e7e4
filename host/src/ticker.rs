//! Increments the engine's epoch while calls are running, so that a busy component yields to other tasks.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use wasmtime::Engine;

/// How long a component may compute before it gives way.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// The thread that counts. It sleeps while no call is under way, and ends with its last handle.
pub(crate) struct Ticker(Arc<State>);

#[derive(Default)]
struct State {
    calls: Mutex<Calls>,
    changed: Condvar,
}

#[derive(Default)]
struct Calls {
    running: usize,
    over: bool,
}

/// A call that is under way.
pub(crate) struct Running(Arc<State>);

impl Ticker {
    /// # Errors
    /// The system starts no thread.
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Ticker> {
        let (state, engine) = (Arc::new(State::default()), engine.weak());
        let waits = state.clone();
        let tick = move || {
            while waits.is_needed() {
                let Some(engine) = engine.upgrade() else { return };
                engine.increment_epoch();
                drop(engine);
                thread::sleep(TICK);
            }
        };
        thread::Builder::new().name("epoch".into()).spawn(tick)?;
        Ok(Ticker(state))
    }

    /// Counts until the guard goes.
    pub(crate) fn run(&self) -> Running {
        self.0.change(|calls| calls.running += 1);
        Running(self.0.clone())
    }
}

impl State {
    /// Waits for a call; false if there will be no more.
    fn is_needed(&self) -> bool {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = |calls: &mut Calls| calls.running == 0 && !calls.over;
        let calls = self.changed.wait_while(calls, idle).unwrap_or_else(PoisonError::into_inner);
        !calls.over
    }

    fn change(&self, change: impl FnOnce(&mut Calls)) {
        change(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.change(|calls| calls.running -= 1);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.change(|calls| calls.over = true);
    }
}
