//! A session with the server, on its own thread: the library's client must not be used, or even dropped, inside an async runtime.

use super::fault::Fault;
use super::tls;
use super::url::Url;
use postgres::config::SslMode;
use postgres::{Client, NoTls};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How much is sent at a time.
const PIECE: usize = 1 << 16;

/// How many addresses of a host to allow time for, each with the full timeout.
const ADDRESSES: u32 = 4;

/// Time limit for a statement. It is only for a server that never answers: a type change rewrites a large table, which takes
/// long.
const PATIENCE: Duration = Duration::from_secs(3600);

type Work = Box<dyn FnOnce(&mut Client) + Send>;

/// A session. It ends when it is dropped, and whatever it holds is free then.
pub(super) struct Session {
    work: Option<Sender<Work>>,
    thread: Option<JoinHandle<()>>,
    pub(super) patience: Duration,
    /// Set when an answer did not come in time. The thread still waits for it, so the thread is not joined.
    is_silent: AtomicBool,
}

impl Session {
    /// Connects.
    pub(super) fn open(url: Url) -> Result<Session, Fault> {
        // The library's own timeout ends once a host accepts the connection, although the host may stay silent after that.
        let hosts = u32::try_from(url.config.get_hosts().len()).unwrap_or(u32::MAX);
        let patience = url.config.get_connect_timeout().copied().unwrap_or_default();
        let patience = patience.saturating_mul(hosts.saturating_mul(ADDRESSES).saturating_add(1));
        let (work, receiver) = channel();
        let (tell, told) = channel();
        let run = move || match connect(&url) {
            Ok(client) => {
                // Whoever asked for it waits.
                let _ = tell.send(Ok(()));
                serve(client, &receiver);
            }
            Err(fault) => drop(tell.send(Err(fault))),
        };
        let thread = thread::Builder::new().name("postgres".into()).spawn(run);
        let thread = thread.map_err(|fault| Fault::Told(format!("cannot be opened: no thread can be started ({fault})")))?;
        let is_silent = AtomicBool::new(false);
        let mut session = Session { work: Some(work), thread: Some(thread), patience: PATIENCE, is_silent };
        match told.recv_timeout(patience) {
            Ok(opened) => opened.map(|()| session),
            Err(RecvTimeoutError::Disconnected) => Err(Fault::Gone),
            Err(RecvTimeoutError::Timeout) => {
                // It waits for a server that may never answer, and holds nothing.
                session.thread = None;
                Err(Fault::Silent)
            }
        }
    }

    /// Does something with the client, and waits for it.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Client) -> Result<T, postgres::Error> + Send + 'static,
    ) -> Result<T, Fault> {
        let (tell, told) = channel();
        let work = move |client: &mut Client| drop(tell.send(work(client)));
        let sender = self.work.as_ref().filter(|_| !self.is_silent.load(Ordering::Relaxed)).ok_or(Fault::Gone)?;
        sender.send(Box::new(work)).map_err(|_| Fault::Gone)?;
        match told.recv_timeout(self.patience) {
            Ok(done) => Ok(done?),
            Err(RecvTimeoutError::Disconnected) => Err(Fault::Gone),
            Err(RecvTimeoutError::Timeout) => {
                self.is_silent.store(true, Ordering::Relaxed);
                Err(Fault::Stuck)
            }
        }
    }

    /// Executes statements that give nothing back.
    pub(super) fn execute(&self, sql: String) -> Result<(), Fault> {
        self.ask(move |client| client.batch_execute(&sql))
    }

    /// Sends rows, and returns their buffer, to search it for the refused row or to reuse it.
    pub(super) fn copy(&self, sql: String, rows: Vec<u8>) -> Result<(Vec<u8>, Result<(), postgres::Error>), Fault> {
        self.ask(move |client| {
            let copied = copy(client, &sql, &rows);
            Ok((rows, copied))
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.work = None;
        if let Some(thread) = self.thread.take()
            && !*self.is_silent.get_mut()
        {
            // It has nothing to say any more.
            let _ = thread.join();
        }
    }
}

fn connect(url: &Url) -> Result<Client, Fault> {
    if url.config.get_ssl_mode() == SslMode::Disable {
        return url.config.connect(NoTls).map_err(Fault::Connect);
    }
    url.config.connect(tls::connector(&url.trust).map_err(Fault::Told)?).map_err(Fault::Connect)
}

/// Works until nobody can ask for more.
fn serve(mut client: Client, work: &Receiver<Work>) {
    while let Ok(work) = work.recv() {
        work(&mut client);
    }
    // Release everything now: the server may notice the end of the session only later. If it is gone, there is nothing to
    // release.
    let _ = client.batch_execute("ROLLBACK; SELECT pg_advisory_unlock_all()");
    let _ = client.close();
}

fn copy(client: &mut Client, sql: &str, rows: &[u8]) -> Result<(), postgres::Error> {
    let mut writer = client.copy_in(sql)?;
    for piece in rows.chunks(PIECE) {
        if let Err(fault) = writer.write_all(piece) {
            // It wraps the library's own error; if not, finishing the copy returns that.
            match fault.into_inner().map(|inner| inner.downcast::<postgres::Error>()) {
                Some(Ok(inner)) => return Err(*inner),
                _ => break,
            }
        }
    }
    writer.finish().map(drop)
}
