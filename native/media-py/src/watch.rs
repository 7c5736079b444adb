//! Watches over what a stream should hear: one-way audio after joining, silence of the network.

use crate::clock::SECOND;

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
    last_heard: u64,
    expecting_since: Option<u64>,
    joined: Option<u64>,
    stalls_told: u64,
}

impl Watch {
    /// A valid packet came.
    pub(crate) fn hear(&mut self, now: u64) {
        self.last_heard = now;
        self.stalls_told = 0;
    }

    /// When the last one came; 0: never.
    pub(crate) fn last_heard(&self) -> u64 {
        self.last_heard
    }

    /// From now on media is expected, or (on hold) it is not.
    pub(crate) fn expect(&mut self, expects: bool, now: u64) {
        if !expects {
            self.expecting_since = None;
            self.stalls_told = 0;
        } else if self.expecting_since.is_none() {
            self.expecting_since = Some(now);
        }
    }

    /// The stream is bridged, or (`None`) no longer.
    pub(crate) fn join(&mut self, at: Option<u64>) {
        self.joined = at;
    }

    /// What there is to tell, at most one thing at a time.
    pub(crate) fn check(&mut self, timeout_ns: u64, now: u64) -> Option<Missing> {
        let since = self.expecting_since?;
        if let Some(joined) = self.joined {
            if self.last_heard >= joined {
                self.joined = None;
            } else if now >= joined.max(since) + NOTHING_HEARD_NS {
                self.joined = None;
                return Some(Missing::NothingHeard);
            }
        }
        let silence = now.saturating_sub(self.last_heard.max(since));
        if silence >= timeout_ns * (self.stalls_told + 1) {
            self.stalls_told += 1;
            return Some(Missing::Stalled(silence));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch() -> Watch {
        let mut watch = Watch::default();
        watch.expect(true, 10 * SECOND);
        watch
    }

    #[test]
    fn a_stall_is_told_once_for_each_period() {
        let mut watch = watch();
        watch.hear(20 * SECOND);
        assert_eq!(watch.check(60 * SECOND, 79 * SECOND), None);
        assert_eq!(
            watch.check(60 * SECOND, 80 * SECOND),
            Some(Missing::Stalled(60 * SECOND))
        );
        assert_eq!(watch.check(60 * SECOND, 81 * SECOND), None);
        assert_eq!(
            watch.check(60 * SECOND, 140 * SECOND),
            Some(Missing::Stalled(120 * SECOND))
        );
        watch.hear(141 * SECOND);
        assert_eq!(watch.check(60 * SECOND, 142 * SECOND), None);
        assert_eq!(
            watch.check(60 * SECOND, 201 * SECOND),
            Some(Missing::Stalled(60 * SECOND))
        );
    }

    #[test]
    fn on_hold_nothing_is_missing_and_the_count_begins_after_it() {
        let mut watch = watch();
        watch.expect(false, 20 * SECOND);
        assert_eq!(watch.check(60 * SECOND, 500 * SECOND), None);
        watch.expect(true, 500 * SECOND);
        assert_eq!(watch.check(60 * SECOND, 559 * SECOND), None);
        assert_eq!(
            watch.check(60 * SECOND, 560 * SECOND),
            Some(Missing::Stalled(60 * SECOND))
        );
    }

    #[test]
    fn one_way_audio_is_told_once_after_joining() {
        let mut watch = watch();
        watch.hear(11 * SECOND);
        watch.join(Some(12 * SECOND));
        assert_eq!(watch.check(60 * SECOND, 16 * SECOND), None);
        assert_eq!(
            watch.check(60 * SECOND, 17 * SECOND),
            Some(Missing::NothingHeard)
        );
        assert_eq!(watch.check(60 * SECOND, 18 * SECOND), None);
    }

    #[test]
    fn who_is_heard_after_joining_is_not_told() {
        let mut watch = watch();
        watch.join(Some(12 * SECOND));
        watch.hear(13 * SECOND);
        assert_eq!(watch.check(60 * SECOND, 20 * SECOND), None);
    }
}
