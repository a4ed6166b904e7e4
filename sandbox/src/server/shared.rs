//! What the connections of a server have in common.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
#[cfg(feature = "tls")]
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::body::compress;
use crate::store::Store;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Mutex<Store>,
    pub(super) latency: Duration,
    pub(super) requests_per_connection: Option<u64>,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<Arc<rustls::ServerConfig>>,
    pub(super) requests: AtomicU64,
    pub(super) connections: AtomicU64,
    pub(super) open_connections: AtomicUsize,
    pub(super) in_flight: AtomicUsize,
    pub(super) max_in_flight: AtomicUsize,
    /// Compressed bodies by request and status, where answers are kept.
    pub(super) compressed: Option<Mutex<HashMap<(String, u16), Bytes>>>,
}

impl Shared {
    pub(super) fn new(store: Store) -> Self {
        Self {
            latency: store.options().latency,
            requests_per_connection: store.options().requests_per_connection,
            compressed: store.options().keep_answers.then(Mutex::default),
            store: Mutex::new(store),
            #[cfg(feature = "tls")]
            tls: None,
            requests: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            open_connections: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            max_in_flight: AtomicUsize::new(0),
        }
    }

    /// A hook that panicked leaves a usable store.
    pub(super) fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A body, compressed; once for each request if answers are kept.
    pub(super) fn compressed(&self, target: String, status: u16, body: &[u8]) -> io::Result<Bytes> {
        let Some(kept) = &self.compressed else { return compress(body) };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.entry((target, status)) {
            Entry::Occupied(known) => Ok(known.get().clone()),
            Entry::Vacant(place) => Ok(place.insert(compress(body)?).clone()),
        }
    }

    pub(super) fn enter_request(&self) -> Counted<'_> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let counted = Counted::new(&self.in_flight);
        self.max_in_flight.fetch_max(self.in_flight.load(Ordering::SeqCst), Ordering::SeqCst);
        counted
    }
}

/// Counts as one for as long as it lives.
pub(super) struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    pub(super) fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
