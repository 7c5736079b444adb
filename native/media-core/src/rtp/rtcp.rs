//! RTCP (RFC 3550 section 6): reports in compound packets, read and written; when to send the next.

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
/// Seconds from 1900 (NTP) to 1970 (Unix).
const NTP_EPOCH: u64 = 2_208_988_800;
const NANOSECONDS: u64 = 1_000_000_000;
/// RFC 3550 section 6.2: five seconds between reports, and half of that before the first.
const INTERVAL_NS: u64 = 5 * NANOSECONDS;

/// What a receiver reports to a sender (section 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportBlock {
    /// The source that is reported on.
    pub ssrc: u32,
    /// Of the packets since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Since the beginning.
    pub cumulative_lost: u32,
    /// With the count of cycles in the upper half.
    pub highest_sequence: u32,
    /// In ticks of the source's clock.
    pub jitter: u32,
    /// The middle of the NTP time of the last sender report; 0: none came.
    pub last_sender_report: u32,
    /// Between that report and this one, in 1/65536 s.
    pub delay_since_last: u32,
}

/// What a sender reports to all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderInfo {
    /// See [`ntp`].
    pub ntp: u64,
    /// The same instant in ticks of the stream's clock.
    pub timestamp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Octets of payload sent.
    pub octets: u32,
}

/// One part of a compound packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A sender report's own half.
    Sender(u32, SenderInfo),
    /// One block of a sender or receiver report.
    Block(ReportBlock),
    /// The source leaves.
    Goodbye(u32),
}

/// Wall-clock time as NTP's 32.32 fixed point.
pub fn ntp(unix_ns: u64) -> u64 {
    let seconds = unix_ns / NANOSECONDS + NTP_EPOCH;
    (seconds << 32) | (((unix_ns % NANOSECONDS) << 32) / NANOSECONDS)
}

/// The middle 32 bits of an NTP time, as round trips are measured in.
pub fn ntp_middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// Round trip in microseconds, from a block about our own stream that came at `now` (section 6.4.1).
pub fn round_trip_us(block: &ReportBlock, now: u64) -> Option<u32> {
    if block.last_sender_report == 0 {
        return None;
    }
    let elapsed = ntp_middle(now)
        .wrapping_sub(block.last_sender_report)
        .wrapping_sub(block.delay_since_last) as i32;
    // Clocks that step backwards make it negative; more than ten seconds is nonsense.
    (0..10 << 16)
        .contains(&elapsed)
        .then(|| ((i64::from(elapsed) * 1_000_000) >> 16) as u32)
}

/// Nanoseconds until the next report; `random` is any number, so that streams do not report together.
pub fn interval_ns(is_first: bool, random: u32) -> u64 {
    let base = if is_first {
        INTERVAL_NS / 2
    } else {
        INTERVAL_NS
    };
    base / 2 + base * u64::from(random >> 8) / (1 << 24)
}

/// Whether `datagram` begins like a compound packet: a report of version 2 first (section 6.1), or feedback
/// in reduced size (RFC 5506).
pub fn is_valid(datagram: &[u8]) -> bool {
    datagram.len() >= 8
        && datagram[0] >> 6 == 2
        && (SENDER_REPORT..=207).contains(&datagram[1])
        && 4 + 4 * usize::from(u16::from_be_bytes([datagram[2], datagram[3]])) <= datagram.len()
}

/// Hands each part that concerns us to `take`; stops silently where the packet is broken.
pub fn parse(mut datagram: &[u8], mut visit: impl FnMut(Part)) {
    while datagram.len() >= 4 && datagram[0] >> 6 == 2 {
        let length = 4 + 4 * usize::from(u16::from_be_bytes([datagram[2], datagram[3]]));
        let Some((packet, rest)) = datagram.split_at_checked(length) else {
            return;
        };
        parse_packet(packet, &mut visit);
        datagram = rest;
    }
}

fn parse_packet(packet: &[u8], visit: &mut impl FnMut(Part)) {
    let count = usize::from(packet[0] & 0x1f);
    let body = &packet[4..];
    match packet[1] {
        SENDER_REPORT if body.len() >= 24 => {
            let info = SenderInfo {
                ntp: (u64::from(word(body, 1)) << 32) | u64::from(word(body, 2)),
                timestamp: word(body, 3),
                packets: word(body, 4),
                octets: word(body, 5),
            };
            visit(Part::Sender(word(body, 0), info));
            parse_blocks(&body[24..], count, visit);
        }
        RECEIVER_REPORT if body.len() >= 4 => parse_blocks(&body[4..], count, visit),
        GOODBYE => body
            .chunks_exact(4)
            .take(count)
            .for_each(|source| visit(Part::Goodbye(word(source, 0)))),
        _ => {}
    }
}

fn parse_blocks(body: &[u8], count: usize, visit: &mut impl FnMut(Part)) {
    for block in body.chunks_exact(24).take(count) {
        visit(Part::Block(ReportBlock {
            ssrc: word(block, 0),
            fraction_lost: block[4],
            cumulative_lost: word(block, 1) & 0xff_ffff,
            highest_sequence: word(block, 2),
            jitter: word(block, 3),
            last_sender_report: word(block, 4),
            delay_since_last: word(block, 5),
        }));
    }
}

fn word(octets: &[u8], index: usize) -> u32 {
    let at = index * 4;
    u32::from_be_bytes([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]])
}

/// What goes into one compound packet.
#[derive(Debug, Clone, Copy)]
pub struct Compound<'a> {
    /// Our stream.
    pub ssrc: u32,
    /// Present if we sent something since the last report.
    pub sender: Option<SenderInfo>,
    /// Present if we heard something.
    pub block: Option<ReportBlock>,
    /// Names us over all our streams (section 6.5.1); at most 255 octets.
    pub cname: &'a str,
    /// The stream ends.
    pub goodbye: bool,
}

/// Appends the compound packet: a sender or receiver report, a description, a goodbye if wanted.
pub fn write(compound: &Compound<'_>, out: &mut Vec<u8>) {
    let count = u8::from(compound.block.is_some());
    let kind = if compound.sender.is_some() {
        SENDER_REPORT
    } else {
        RECEIVER_REPORT
    };
    packet(out, count, kind, |out| {
        push(out, compound.ssrc);
        if let Some(info) = &compound.sender {
            out.extend_from_slice(&info.ntp.to_be_bytes());
            push(out, info.timestamp);
            push(out, info.packets);
            push(out, info.octets);
        }
        if let Some(block) = &compound.block {
            push(out, block.ssrc);
            push(
                out,
                (u32::from(block.fraction_lost) << 24) | (block.cumulative_lost & 0xff_ffff),
            );
            push(out, block.highest_sequence);
            push(out, block.jitter);
            push(out, block.last_sender_report);
            push(out, block.delay_since_last);
        }
    });
    packet(out, 1, SOURCE_DESCRIPTION, |out| {
        let cname = &compound.cname.as_bytes()[..compound.cname.len().min(255)];
        push(out, compound.ssrc);
        out.extend_from_slice(&[1, cname.len() as u8]);
        out.extend_from_slice(cname);
        out.push(0);
    });
    if compound.goodbye {
        packet(out, 1, GOODBYE, |out| push(out, compound.ssrc));
    }
}

fn packet(out: &mut Vec<u8>, count: u8, kind: u8, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0x80 | count, kind, 0, 0]);
    body(out);
    while !(out.len() - start).is_multiple_of(4) {
        out.push(0);
    }
    let words = ((out.len() - start) / 4 - 1) as u16;
    out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
}

fn push(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(datagram: &[u8]) -> Vec<Part> {
        let mut found = Vec::new();
        parse(datagram, |part| found.push(part));
        found
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            ssrc: u32, ntp: u64, timestamp: u32, packets: u32, octets: u32, fraction_lost: u8,
            cumulative_lost in 0u32..1 << 24, highest_sequence: u32, jitter: u32, last: u32, delay: u32,
            sends: bool, hears: bool, goodbye: bool, cname in "[a-z0-9@.]{0,40}",
        ) {
            let sender = sends.then_some(SenderInfo { ntp, timestamp, packets, octets });
            let block = hears.then_some(ReportBlock {
                ssrc: 77, fraction_lost, cumulative_lost, highest_sequence, jitter,
                last_sender_report: last, delay_since_last: delay,
            });
            let mut datagram = Vec::new();
            write(&Compound { ssrc, sender, block, cname: &cname, goodbye }, &mut datagram);
            prop_assert!(is_valid(&datagram));
            prop_assert_eq!(datagram.len() % 4, 0);
            let mut expected = Vec::new();
            expected.extend(sender.map(|info| Part::Sender(ssrc, info)));
            expected.extend(block.map(Part::Block));
            expected.extend(goodbye.then_some(Part::Goodbye(ssrc)));
            prop_assert_eq!(parts(&datagram), expected);
        }

        #[test]
        fn any_octets_are_survived(datagram in proptest::collection::vec(any::<u8>(), 0..300)) {
            parts(&datagram);
        }

        #[test]
        fn intervals_are_spread_around_five_seconds(random: u32) {
            prop_assert!((2_500_000_000..=7_500_000_000).contains(&interval_ns(false, random)));
            prop_assert!(interval_ns(true, random) <= 3_750_000_000);
        }
    }

    #[test]
    fn the_round_trip_is_what_is_left_of_the_elapsed_time() {
        let sent = ntp(1_700_000_000_000_000_000);
        let mut block = ReportBlock {
            ssrc: 1,
            fraction_lost: 0,
            cumulative_lost: 0,
            highest_sequence: 0,
            jitter: 0,
            last_sender_report: ntp_middle(sent),
            delay_since_last: 2 << 16,
        };
        let now = ntp(1_700_000_002_080_000_000);
        let round_trip = round_trip_us(&block, now).unwrap();
        assert!((79_900..=80_100).contains(&round_trip), "{round_trip}");
        assert_eq!(round_trip_us(&block, sent), None);
        block.last_sender_report = 0;
        assert_eq!(round_trip_us(&block, now), None);
    }

    #[test]
    fn ntp_counts_from_1900() {
        assert_eq!(ntp(500_000_000), (NTP_EPOCH << 32) | 0x8000_0000);
    }
}
