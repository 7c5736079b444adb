//! Watches over what a stream should hear: one-way audio after joining, silence of the network.

use crate::thread::clock::SECOND;

/// Product: a leg from which nothing was heard so long after joining has one-way audio.
const NOTHING_HEARD_NS: u64 = 5 * SECOND;

/// What is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Nothing came since the stream was joined.
    NothingHeard,
    /// Nothing came for so many nanoseconds.
    Stalled(u64),
}

/// One for each audio stream.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    stalls_reported: u64,
    /// What `last_heard` was when they were reported.
    reported_since: u64,
    expecting_since: Option<u64>,
    joined: Option<u64>,
}

impl Watch {
    /// From now on media is expected, or (on hold) it is not.
    pub(crate) fn expect(&mut self, expects: bool, now: u64) {
        if !expects {
            self.expecting_since = None;
            self.stalls_reported = 0;
        } else if self.expecting_since.is_none() {
            self.expecting_since = Some(now);
        }
    }

    /// The stream is bridged, or (`None`) no longer.
    pub(crate) fn join(&mut self, at: Option<u64>) {
        self.joined = at;
    }

    /// What is missing, at most one thing at a time; `last_heard` is when a valid packet came, 0: never.
    pub(crate) fn check(&mut self, last_heard: u64, timeout_ns: u64, now: u64) -> Option<Missing> {
        let since = self.expecting_since?;
        if let Some(joined) = self.joined {
            if last_heard >= joined {
                self.joined = None;
            } else if now >= joined.max(since) + NOTHING_HEARD_NS {
                self.joined = None;
                return Some(Missing::NothingHeard);
            }
        }
        if self.reported_since != last_heard {
            (self.reported_since, self.stalls_reported) = (last_heard, 0);
        }
        let silence = now.saturating_sub(last_heard.max(since));
        if silence >= timeout_ns * (self.stalls_reported + 1) {
            self.stalls_reported += 1;
            return Some(Missing::Stalled(silence));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: u64 = 60 * SECOND;

    fn watch() -> Watch {
        let mut watch = Watch::default();
        watch.expect(true, 10 * SECOND);
        watch
    }

    /// What is reported at `at` seconds if the last packet came at `heard` seconds.
    fn check(watch: &mut Watch, heard: u64, at: u64) -> Option<Missing> {
        watch.check(heard * SECOND, TIMEOUT, at * SECOND)
    }

    #[test]
    fn a_stall_is_reported_once_for_each_period() {
        let mut watch = watch();
        let stalled = |seconds| Some(Missing::Stalled(seconds * SECOND));
        assert_eq!(check(&mut watch, 20, 79), None);
        assert_eq!(check(&mut watch, 20, 80), stalled(60));
        assert_eq!(check(&mut watch, 20, 81), None);
        assert_eq!(check(&mut watch, 20, 140), stalled(120));
        assert_eq!(check(&mut watch, 141, 142), None);
        assert_eq!(check(&mut watch, 141, 201), stalled(60));
    }

    #[test]
    fn on_hold_nothing_is_missing_and_the_count_begins_after_it() {
        let mut watch = watch();
        watch.expect(false, 20 * SECOND);
        assert_eq!(check(&mut watch, 0, 500), None);
        watch.expect(true, 500 * SECOND);
        assert_eq!(check(&mut watch, 0, 559), None);
        assert_eq!(check(&mut watch, 0, 560), Some(Missing::Stalled(TIMEOUT)));
    }

    #[test]
    fn one_way_audio_is_reported_once_after_joining() {
        let mut watch = watch();
        watch.join(Some(12 * SECOND));
        assert_eq!(check(&mut watch, 11, 16), None);
        assert_eq!(check(&mut watch, 11, 17), Some(Missing::NothingHeard));
        assert_eq!(check(&mut watch, 11, 18), None);
    }

    #[test]
    fn a_party_that_is_heard_after_joining_is_not_reported() {
        let mut watch = watch();
        watch.join(Some(12 * SECOND));
        assert_eq!(check(&mut watch, 13, 20), None);
    }
}
