//! RTCP of one audio stream: our reports, and what we learn from theirs.

use media_core::rtp::reception::Reception;
use media_core::rtp::rtcp::{self, Compound, Part, SenderInfo};
use media_core::rtp::sender::Sender;
use std::sync::atomic::Ordering;

use crate::thread::clock;
use crate::thread::counters::Counters;

/// When to report, and what was reported.
#[derive(Debug)]
pub(crate) struct Control {
    next_ns: u64,
    random: u32,
    packets_reported: u64,
}

impl Control {
    /// `random` spreads the reports of streams that begin together.
    pub(crate) fn new(random: u32, now: u64) -> Self {
        Self {
            next_ns: now + rtcp::interval_ns(true, random),
            random,
            packets_reported: 0,
        }
    }

    /// When the next report is due.
    pub(crate) fn next_ns(&self) -> u64 {
        self.next_ns
    }

    /// Whether a report is due; the next one is scheduled then.
    pub(crate) fn is_due(&mut self, now: u64) -> bool {
        if now < self.next_ns {
            return false;
        }
        // A linear congruence is random enough to keep reports apart.
        self.random = self
            .random
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        self.next_ns = now + rtcp::interval_ns(false, self.random);
        true
    }

    /// Writes a report into `out`.
    pub(crate) fn write(
        &mut self,
        (sender, reception, counters): (&Sender, &mut Reception, &Counters),
        (cname, goodbye): (&str, bool),
        now: u64,
        out: &mut Vec<u8>,
    ) {
        let packets = counters.packets_sent.get();
        let has_sent = packets != self.packets_reported;
        self.packets_reported = packets;
        let info = SenderInfo {
            ntp: rtcp::ntp(clock::unix_ns()),
            timestamp: sender.timestamp_now(now),
            packets: packets as u32,
            octets: counters.bytes_sent.get() as u32,
        };
        let compound = Compound {
            ssrc: sender.ssrc,
            sender: has_sent.then_some(info),
            block: reception.report(now),
            cname,
            goodbye,
        };
        out.clear();
        rtcp::write(&compound, out);
    }
}

/// Takes note of a compound packet of the party.
pub(crate) fn receive(
    datagram: &[u8],
    our_ssrc: u32,
    reception: &mut Reception,
    counters: &Counters,
    now: u64,
) {
    rtcp::parse(datagram, |part| match part {
        Part::Sender(ssrc, info) => {
            reception.on_sender_report(ssrc, rtcp::ntp_middle(info.ntp), now);
        }
        Part::Block(block) if block.ssrc == our_ssrc => {
            if let Some(round_trip) = rtcp::round_trip_us(&block, rtcp::ntp(clock::unix_ns())) {
                counters
                    .round_trip_us
                    .store(round_trip.max(1), Ordering::Relaxed);
            }
        }
        Part::Block(_) | Part::Goodbye(_) => {}
    });
}
