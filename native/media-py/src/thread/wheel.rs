//! When each pacing stream sends next: a wheel of milliseconds, so that thousands of streams need one timer.

use crate::thread::clock::MS;

/// Slots; more than the longest packet time.
const SLOTS: u64 = 128;
/// A wheel that stood still for longer does not make up for the ticks that it missed.
const MAX_BEHIND_MS: u64 = 100;

/// One due entry: the index of a stream, and the token that it must still have. A stream that went to another
/// thread, or stopped and started again, has another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) index: u32,
    pub(crate) token: u64,
}

/// Entries by the millisecond at which they are due.
#[derive(Debug)]
pub(crate) struct Wheel {
    slots: Vec<Vec<Entry>>,
    next_ms: u64,
    count: usize,
}

impl Wheel {
    pub(crate) fn new(now_ns: u64) -> Self {
        Self {
            slots: (0..SLOTS).map(|_| Vec::new()).collect(),
            next_ms: now_ns / MS,
            count: 0,
        }
    }

    /// Adds an entry where fewest others are within the next `period_ms`, the earliest of these.
    pub(crate) fn add(&mut self, entry: Entry, period_ms: u64, now_ns: u64) {
        self.skip_idle(now_ns);
        let candidates = self.next_ms..self.next_ms + period_ms.clamp(1, SLOTS - 1);
        let due = candidates.min_by_key(|due| self.slots[(due % SLOTS) as usize].len());
        self.put(entry, due.unwrap_or(self.next_ms));
    }

    /// Adds an entry again, `period_ms` after it was due.
    pub(crate) fn again(&mut self, entry: Entry, due_ms: u64, period_ms: u64) {
        self.put(entry, due_ms + period_ms.clamp(1, SLOTS - 1));
    }

    /// When to look again, in nanoseconds; `None` while nothing is due ever.
    pub(crate) fn next_due_ns(&self) -> Option<u64> {
        (self.count > 0).then(|| {
            let due = (self.next_ms..self.next_ms + SLOTS)
                .find(|due| !self.slots[(due % SLOTS) as usize].is_empty())
                .unwrap_or(self.next_ms);
            due * MS
        })
    }

    /// Takes the entries of the next millisecond that is due: swaps them into `due`, which must be empty, and
    /// returns which millisecond it was. `None` when the present is reached.
    pub(crate) fn turn(&mut self, now_ns: u64, due: &mut Vec<Entry>) -> Option<u64> {
        self.skip_idle(now_ns);
        let now_ms = now_ns / MS;
        self.skip_standstill(now_ms);
        while self.next_ms <= now_ms && self.count > 0 {
            let at = self.next_ms;
            self.next_ms += 1;
            let slot = &mut self.slots[(at % SLOTS) as usize];
            if !slot.is_empty() {
                self.count -= slot.len();
                std::mem::swap(slot, due);
                return Some(at);
            }
        }
        None
    }

    fn put(&mut self, entry: Entry, due_ms: u64) {
        let due_ms = due_ms.max(self.next_ms);
        self.slots[(due_ms % SLOTS) as usize].push(entry);
        self.count += 1;
    }

    /// After a standstill everything is late by the same time: it is left out, not made up for in a burst.
    fn skip_standstill(&mut self, now_ms: u64) {
        let behind = now_ms.saturating_sub(self.next_ms);
        if behind > MAX_BEHIND_MS {
            self.slots.rotate_right((behind % SLOTS) as usize);
            self.next_ms = now_ms;
        }
    }

    /// An empty wheel does not count the time that passes.
    fn skip_idle(&mut self, now_ns: u64) {
        if self.count == 0 {
            self.next_ms = self.next_ms.max(now_ns / MS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(index: u32) -> Entry {
        Entry {
            index,
            token: u64::from(index),
        }
    }

    #[test]
    fn streams_that_start_together_are_spread_over_the_period() {
        let mut wheel = Wheel::new(0);
        for index in 0..40 {
            wheel.add(entry(index), 20, 0);
        }
        let mut due = Vec::new();
        for ms in 0..20 {
            assert_eq!(wheel.turn(ms * MS, &mut due), Some(ms));
            assert_eq!(due.len(), 2);
            due.clear();
        }
        assert_eq!(wheel.next_due_ns(), None);
    }

    #[test]
    fn a_single_stream_starts_at_once_and_keeps_its_pace() {
        let mut wheel = Wheel::new(1000 * MS);
        wheel.add(entry(1), 20, 5000 * MS);
        let mut due = Vec::new();
        let mut times = Vec::new();
        for late in 0..5 {
            let at = wheel.turn(5000 * MS + late * 21 * MS, &mut due).unwrap();
            times.push(at);
            wheel.again(due.pop().unwrap(), at, 20);
        }
        assert_eq!(times, [5000, 5020, 5040, 5060, 5080]);
        assert_eq!(wheel.next_due_ns(), Some(5100 * MS));
    }

    #[test]
    fn after_a_standstill_time_is_left_out() {
        let mut wheel = Wheel::new(0);
        wheel.add(entry(1), 20, 0);
        let mut due = Vec::new();
        assert_eq!(wheel.turn(3000 * MS, &mut due), Some(3000));
        wheel.again(due.pop().unwrap(), 3000, 20);
        assert_eq!(wheel.turn(3010 * MS, &mut due), None);
        assert_eq!(wheel.turn(3020 * MS, &mut due), Some(3020));
    }
}
