//! What a receiver knows of a source: sequence numbers, losses, jitter (RFC 3550 sections 6.4.1, A.1, A.3, A.8).

use crate::rtp::rtcp::ReportBlock;

const MAX_DROPOUT: u16 = 3000;
const MAX_MISORDER: u16 = 100;
const NANOSECONDS: u64 = 1_000_000_000;

/// Statistics of the packets that come from the remote; a change of SSRC starts a new source, totals go on.
#[derive(Debug, Clone)]
#[repr(C)]
pub struct Reception {
    source: Option<Source>,
    clock_rate: u32,
    lost_before: u64,
    last_sender_report: Option<(u32, u64)>,
}

#[derive(Debug, Clone)]
struct Source {
    ssrc: u32,
    first: u32,
    highest: u32,
    received: u32,
    expected_before: u32,
    received_before: u32,
    transit: Option<i64>,
    jitter: f64,
    restart_at: Option<u16>,
}

impl Source {
    fn new(ssrc: u32, sequence: u16) -> Self {
        // One cycle up, so that a packet from before the first does not fall below zero.
        let first = 0x1_0000 + u32::from(sequence);
        Self {
            ssrc,
            first,
            highest: first,
            received: 0,
            expected_before: 0,
            received_before: 0,
            transit: None,
            jitter: 0.0,
            restart_at: None,
        }
    }

    fn expected(&self) -> u32 {
        self.highest.wrapping_sub(self.first).wrapping_add(1)
    }

    fn lost(&self) -> u32 {
        self.expected().saturating_sub(self.received)
    }
}

impl Reception {
    /// Nothing heard yet; `clock_rate` is the format's, in Hz.
    pub fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate: clock_rate.max(1),
            source: None,
            lost_before: 0,
            last_sender_report: None,
        }
    }

    /// The source that was heard last, and its highest sequence number.
    pub fn highest(&self) -> Option<(u32, u16)> {
        let source = self.source.as_ref()?;
        Some((source.ssrc, source.highest as u16))
    }

    /// Another format was agreed on; jitter starts anew.
    pub fn set_clock_rate(&mut self, clock_rate: u32) {
        if clock_rate != self.clock_rate {
            self.clock_rate = clock_rate.max(1);
            if let Some(source) = &mut self.source {
                (source.transit, source.jitter) = (None, 0.0);
            }
        }
    }

    /// Takes note of a packet. `timestamp` is `None` for packets without a sampling instant of their
    /// own (RFC 4733 events repeat the first one).
    pub fn on_packet(&mut self, ssrc: u32, sequence: u16, timestamp: Option<u32>, arrival_ns: u64) {
        let source = match &mut self.source {
            Some(source) if source.ssrc == ssrc => source,
            other => {
                self.lost_before += other.as_ref().map_or(0, |old| u64::from(old.lost()));
                self.last_sender_report = None;
                other.insert(Source::new(ssrc, sequence))
            }
        };
        let ahead = sequence.wrapping_sub(source.highest as u16);
        if ahead < MAX_DROPOUT {
            source.highest = source.highest.wrapping_add(u32::from(ahead));
        } else if ahead <= u16::MAX - MAX_MISORDER {
            // RFC 3550 A.1: two packets in a row after a jump mean that the other side restarted.
            if source.restart_at != Some(sequence) {
                source.restart_at = Some(sequence.wrapping_add(1));
                return;
            }
            self.lost_before += u64::from(source.lost());
            *source = Source::new(ssrc, sequence);
        }
        source.restart_at = None;
        source.received = source.received.wrapping_add(1);
        if let Some(timestamp) = timestamp {
            source.on_timestamp(timestamp, arrival_ns, self.clock_rate);
        }
    }

    /// Takes note of the remote's sender report: the middle of its NTP time, and when it came.
    pub fn on_sender_report(&mut self, ssrc: u32, ntp_middle: u32, now_ns: u64) {
        if self
            .source
            .as_ref()
            .is_some_and(|source| source.ssrc == ssrc)
        {
            self.last_sender_report = Some((ntp_middle, now_ns));
        }
    }

    /// The block for our next report; `None` until something was heard.
    pub fn report(&mut self, now_ns: u64) -> Option<ReportBlock> {
        let source = self.source.as_mut()?;
        let expected = source.expected().wrapping_sub(source.expected_before);
        let received = source.received.wrapping_sub(source.received_before);
        source.expected_before = source.expected();
        source.received_before = source.received;
        let lost = expected.saturating_sub(received);
        let (last_sender_report, delay) = match self.last_sender_report {
            Some((middle, at)) => (middle, ((now_ns - at) << 16) / NANOSECONDS),
            None => (0, 0),
        };
        Some(ReportBlock {
            ssrc: source.ssrc,
            fraction_lost: (lost << 8).checked_div(expected).unwrap_or(0).min(255) as u8,
            cumulative_lost: source.lost().min(0x7f_ffff),
            highest_sequence: source.highest.wrapping_sub(0x1_0000),
            jitter: source.jitter as u32,
            last_sender_report,
            delay_since_last: delay as u32,
        })
    }

    /// Packets that never came, over all sources so far.
    pub fn lost(&self) -> u64 {
        self.lost_before
            + self
                .source
                .as_ref()
                .map_or(0, |source| u64::from(source.lost()))
    }

    /// Interarrival jitter of the present source, in microseconds.
    pub fn jitter_us(&self) -> u32 {
        self.source.as_ref().map_or(0, |source| {
            (source.jitter * 1_000_000.0 / f64::from(self.clock_rate)) as u32
        })
    }
}

impl Source {
    /// RFC 3550 A.8.
    fn on_timestamp(&mut self, timestamp: u32, arrival_ns: u64, clock_rate: u32) {
        let arrival = crate::rtp::ticks(arrival_ns, clock_rate) as u32;
        let transit = i64::from(arrival.wrapping_sub(timestamp) as i32);
        if let Some(before) = self.transit {
            let difference = (transit - before).unsigned_abs();
            // A pause of the sender's clock is not jitter: more than a second is a jump of its timestamps.
            if difference < u64::from(clock_rate) {
                self.jitter += (difference as f64 - self.jitter) / 16.0;
            }
        }
        self.transit = Some(transit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn losses_are_counted_and_reported_as_a_fraction() {
        let mut reception = Reception::new(8000);
        assert_eq!(reception.report(0), None);
        for number in 0..100u16 {
            if number % 4 != 1 {
                reception.on_packet(7, 65_500u16.wrapping_add(number), Some(0), 0);
            }
        }
        let block = reception.report(0).unwrap();
        assert_eq!((block.cumulative_lost, block.fraction_lost), (25, 64));
        assert_eq!(block.highest_sequence, 65_536 + 63);
        assert_eq!(reception.report(0).unwrap().fraction_lost, 0);
    }

    #[test]
    fn even_arrivals_have_no_jitter_and_uneven_ones_approach_their_spread() {
        let mut reception = Reception::new(8000);
        for number in 0..500u32 {
            reception.on_packet(
                7,
                number as u16,
                Some(number * 160),
                u64::from(number) * 20 * MS,
            );
        }
        assert_eq!(reception.jitter_us(), 0);
        for number in 500..2000u32 {
            let late = u64::from(number % 2) * 10 * MS;
            reception.on_packet(
                7,
                number as u16,
                Some(number * 160),
                u64::from(number) * 20 * MS + late,
            );
        }
        assert!(
            (9_000..=10_500).contains(&reception.jitter_us()),
            "{}",
            reception.jitter_us()
        );
    }

    #[test]
    fn a_new_source_keeps_the_total() {
        let mut reception = Reception::new(8000);
        reception.on_packet(7, 1, Some(0), 0);
        reception.on_packet(7, 3, Some(0), 0);
        reception.on_packet(8, 50_000, Some(0), 0);
        assert_eq!(
            (reception.lost(), reception.highest()),
            (1, Some((8, 50_000)))
        );
    }

    #[test]
    fn a_restart_of_the_numbering_is_no_loss() {
        let mut reception = Reception::new(8000);
        for sequence in [1, 2, 3, 30_000, 30_001, 30_002] {
            reception.on_packet(7, sequence, Some(0), 0);
        }
        assert_eq!(reception.lost(), 0);
    }

    #[test]
    fn the_delay_since_the_last_sender_report_is_reported() {
        let mut reception = Reception::new(8000);
        reception.on_packet(7, 1, Some(0), 0);
        reception.on_sender_report(7, 0xabcd, 0);
        let block = reception.report(500 * MS).unwrap();
        assert_eq!(
            (block.last_sender_report, block.delay_since_last),
            (0xabcd, 0x8000)
        );
    }

    proptest! {
        #[test]
        fn any_order_is_survived(packets in proptest::collection::vec((0u32..3, any::<u16>(), any::<u32>(), 0u64..1_000_000_000_000), 0..200)) {
            let mut reception = Reception::new(8000);
            let mut now = 0;
            for (ssrc, sequence, timestamp, later) in packets {
                now += later;
                reception.on_packet(ssrc, sequence, Some(timestamp), now);
                reception.report(now);
                prop_assert!(reception.lost() < 1 << 32);
            }
        }

        #[test]
        fn reordering_within_the_window_loses_nothing(mut order in Just((0u16..60).collect::<Vec<_>>()).prop_shuffle(), start in any::<u16>()) {
            order.insert(0, 0);
            order.dedup();
            let mut reception = Reception::new(8000);
            let mut seen = std::collections::HashSet::new();
            for number in order {
                if seen.insert(number) {
                    reception.on_packet(7, start.wrapping_add(number), Some(0), 0);
                }
            }
            prop_assert_eq!(reception.lost(), 0);
        }
    }
}
