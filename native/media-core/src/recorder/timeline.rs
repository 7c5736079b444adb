//! Where in a recording a packet belongs: by its timestamp, with the arrivals as the judge of the timestamps.
//!
//! The first packet of a source is put where it came. Later ones follow their timestamps, so that jitter moves
//! nothing. A packet that is here before its time shows that the first one was late: everything moves forward.
//! If for a second everything was late, the source's clock is slow (or it paused): everything moves back. Thus
//! two sources stay within 20 ms of one another.

/// Timestamps and arrivals that are farther apart than this part of a second have nothing to do with another.
const APART: u32 = 5;
/// Packets over which the least lateness is watched.
const WATCHED: u32 = 50;

/// The timeline of one direction.
#[derive(Debug, Clone)]
pub struct Timeline {
    rate: u32,
    clock_rate: u32,
    anchor: Option<Anchor>,
    least_late: i64,
    watched: u32,
}

#[derive(Debug, Clone, Copy)]
struct Anchor {
    ssrc: u32,
    timestamp: u32,
    position: i64,
}

impl Timeline {
    /// Positions are samples at `rate`, timestamps ticks of `clock_rate`.
    pub fn new(rate: u32, clock_rate: u32) -> Self {
        Self {
            rate,
            clock_rate: clock_rate.max(1),
            anchor: None,
            least_late: i64::MAX,
            watched: 0,
        }
    }

    /// The position of the first sample of a packet that came when the recording was `arrival` samples long.
    pub fn place(&mut self, ssrc: u32, timestamp: u32, arrival: u64) -> u64 {
        let arrival = arrival as i64;
        let anchor = match self.anchor {
            Some(anchor) if anchor.ssrc == ssrc => anchor,
            _ => return self.anchor_at(ssrc, timestamp, arrival),
        };
        let elapsed = i64::from(timestamp.wrapping_sub(anchor.timestamp) as i32);
        let position =
            anchor.position + elapsed * i64::from(self.rate) / i64::from(self.clock_rate);
        let late = arrival - position;
        if late.unsigned_abs() > u64::from(self.rate / APART) || late < -i64::from(self.rate / 200)
        {
            return self.anchor_at(ssrc, timestamp, arrival);
        }
        self.least_late = self.least_late.min(late);
        self.watched += 1;
        // The anchor follows, so that a long stream never outgrows the reach of a timestamp.
        let mut position = position;
        if self.watched >= WATCHED {
            if self.least_late > i64::from(self.rate / 50) {
                position += self.least_late;
            }
            self.anchor_at(ssrc, timestamp, position);
        }
        position.max(0) as u64
    }

    fn anchor_at(&mut self, ssrc: u32, timestamp: u32, position: i64) -> u64 {
        self.anchor = Some(Anchor {
            ssrc,
            timestamp,
            position,
        });
        (self.least_late, self.watched) = (i64::MAX, 0);
        position.max(0) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn jitter_moves_nothing_and_losses_keep_their_place() {
        let mut timeline = Timeline::new(8000, 8000);
        for number in (0..500u32).filter(|number| number % 7 != 3) {
            let arrival = u64::from(number * 160 + number % 3 * 40) + 100;
            assert_eq!(
                timeline.place(1, number * 160, arrival),
                u64::from(number * 160) + 100
            );
        }
    }

    #[test]
    fn a_first_packet_that_was_late_is_made_up_for() {
        let mut timeline = Timeline::new(8000, 8000);
        assert_eq!(timeline.place(1, 0, 1000), 1000);
        assert_eq!(timeline.place(1, 160, 800), 800);
        assert_eq!(timeline.place(1, 320, 960), 960);
    }

    #[test]
    fn a_slow_clock_is_followed() {
        let mut timeline = Timeline::new(8000, 8000);
        let mut worst = 0;
        for number in 0..100_000u32 {
            let arrival = u64::from(number) * 160 * 10_002 / 10_000;
            let position = timeline.place(1, number * 160, arrival);
            worst = worst.max(arrival.abs_diff(position));
        }
        assert!(worst <= 8000 / 50 + 20, "{worst}");
    }

    #[test]
    fn a_jump_or_another_source_is_put_where_it_came() {
        let mut timeline = Timeline::new(16_000, 48_000);
        assert_eq!(timeline.place(1, 0, 0), 0);
        assert_eq!(timeline.place(1, 960, 320), 320);
        assert_eq!(timeline.place(1, 900_000, 9000), 9000);
        assert_eq!(timeline.place(2, 5, 9500), 9500);
    }

    proptest! {
        #[test]
        fn nothing_is_far_from_where_it_came(packets in proptest::collection::vec((0u32..3, any::<u32>(), 0u64..5000), 1..200)) {
            let mut timeline = Timeline::new(8000, 8000);
            let mut arrival = 0;
            for (ssrc, timestamp, later) in packets {
                arrival += later;
                let position = timeline.place(ssrc, timestamp, arrival);
                prop_assert!(position.abs_diff(arrival) <= 8000 / 5 * 2);
            }
        }
    }
}
