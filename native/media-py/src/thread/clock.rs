//! The clocks: monotonic nanoseconds for everything, wall-clock time for sender reports.

use rustix::time::{ClockId, Timespec, clock_gettime};

pub(crate) const SECOND: u64 = 1_000_000_000;
pub(crate) const MS: u64 = 1_000_000;

fn read(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    now.tv_sec as u64 * SECOND + now.tv_nsec as u64
}

/// Nanoseconds that never go back.
pub(crate) fn now_ns() -> u64 {
    read(ClockId::Monotonic)
}

/// Nanoseconds since 1970.
pub(crate) fn unix_ns() -> u64 {
    read(ClockId::Realtime)
}

/// As the kernel wants it.
pub(crate) fn timespec(ns: u64) -> Timespec {
    Timespec {
        tv_sec: (ns / SECOND) as i64,
        tv_nsec: (ns % SECOND) as i64,
    }
}
