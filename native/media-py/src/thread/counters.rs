//! Numbers that the packet threads write and Python reads, without a lock on the way of a packet.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// A counter with one writer.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Only the thread that owns the counted thing may call this: the addition is not atomic.
    pub(crate) fn add(&self, amount: u64) {
        self.set(self.get() + amount);
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Of one stream; what counts packets is one cache line.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Counters {
    pub(crate) packets_received: Counter,
    pub(crate) bytes_received: Counter,
    pub(crate) packets_sent: Counter,
    pub(crate) bytes_sent: Counter,
    pub(crate) packets_dropped: Counter,
    pub(crate) packets_lost: Counter,
    pub(crate) jitter_us: AtomicU32,
    /// 0: not measured.
    pub(crate) round_trip_us: AtomicU32,
    target: Mutex<Option<SocketAddr>>,
}

impl Counters {
    /// Where packets go from now on.
    pub(crate) fn set_target(&self, target: Option<SocketAddr>) {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = target;
    }

    pub(crate) fn target(&self) -> Option<SocketAddr> {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of one packet thread.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) received: Counter,
    pub(crate) sent: Counter,
    pub(crate) dropped: Counter,
}
