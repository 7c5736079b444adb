//! Symmetric RTP: to whom a stream listens and speaks, learned from who really sends (RFC 4961, RFC 7362).
//!
//! The SDP's address is where we send until a source is heard. The first valid source is learned, better ones
//! preferred: the SDP's very address, then its host with another port, then (behind a NAT) any host that sends a
//! few packets in a row. For a while a better source may still take over; then the source is settled and
//! every other source is a stray. A changed SDP address, or a long silence, opens the latch again. A source that goes on
//! where the learned one fell silent (same SSRC, next sequence numbers) is the party behind a NAT that gave it another
//! port: it is learned after a second, since only the party and those who see its packets know both numbers.

use std::net::SocketAddr;

const MS: u64 = 1_000_000;
/// How long a source that was learned first may be replaced by one that fits the SDP better.
const PROVISIONAL_NS: u64 = 3_000 * MS;
/// The same, after a silence: the former source may come back for longer.
const PROVISIONAL_AFTER_SILENCE_NS: u64 = 30_000 * MS;
/// Packets in a row from an address that a new SDP has given up (RFC 3264 §8): stragglers count for nothing, but a
/// party that goes on sending from there for a second has not moved after all.
const GIVEN_UP_PACKETS: u16 = 50;
/// Packets in a row that a stranger must send.
const STRANGER_PACKETS: u16 = 3;
/// The same, when a source was known before.
const USURPER_PACKETS: u16 = 10;

/// How long the learned source must be silent before another may go on with its packets.
pub const REBINDING_NS: u64 = 1_000 * MS;
/// How many packets may have been lost meanwhile.
const MAX_REBINDING_GAP: u16 = 500;

/// What to do with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It comes from the learned source.
    Accept,
    /// Accept it, and send to its source from now on: a new one was learned.
    Learn,
    /// Of another source: drop it.
    Stray,
}

/// How well a source fits what is known; the order matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Stranger,
    Host,
    Exact,
}

#[derive(Debug, Clone, Copy)]
struct Learned {
    source: SocketAddr,
    fit: Fit,
    settles_ns: u64,
}

/// The last packet of the learned source.
#[derive(Debug, Clone, Copy)]
struct Heard {
    ssrc: u32,
    sequence: u16,
    at_ns: u64,
}

#[derive(Debug, Clone, Copy)]
struct Candidate {
    source: SocketAddr,
    ssrc: u32,
    sequence: u16,
    packets: u16,
}

/// The machine; one for each socket.
#[derive(Debug, Clone, Default)]
pub struct Latch {
    expected: Option<SocketAddr>,
    learned: Option<Learned>,
    heard: Option<Heard>,
    /// Learned before a silence; it may come back.
    former: Option<SocketAddr>,
    /// Learned, or named by the SDP, before another SDP named another address.
    given_up: Option<SocketAddr>,
    candidate: Option<Candidate>,
    is_after_silence: bool,
}

impl Latch {
    /// The SDP names `remote`; `None` while it has no address, which changes nothing. True if learning begins anew.
    pub fn expect(&mut self, remote: Option<SocketAddr>) -> bool {
        if remote.is_none() || remote == self.expected {
            return false;
        }
        let is_first = self.expected.is_none();
        let before = self.learned.map(|learned| learned.source).or(self.expected);
        self.expected = remote;
        if self
            .learned
            .is_some_and(|learned| Some(learned.source) == remote)
            || is_first
        {
            return false;
        }
        self.given_up = before.filter(|before| Some(*before) != remote);
        self.former = None;
        self.learned = None;
        self.candidate = None;
        self.is_after_silence = false;
        true
    }

    /// Nothing was heard for long: another source may be learned, the former source first of all.
    pub fn reopen(&mut self) {
        if let Some(learned) = self.learned.take() {
            self.former = Some(learned.source);
            self.candidate = None;
            self.is_after_silence = true;
        }
    }

    /// Notes the last packet of the learned source, when the kernel has let through that source alone.
    pub fn on_own_packet(&mut self, ssrc: u32, sequence: u16, now_ns: u64) {
        self.heard = Some(Heard {
            ssrc,
            sequence,
            at_ns: now_ns,
        });
    }

    /// Judges a valid packet.
    pub fn on_packet(
        &mut self,
        source: SocketAddr,
        ssrc: u32,
        sequence: u16,
        now_ns: u64,
    ) -> Verdict {
        if let Some(learned) = &self.learned {
            let learned = *learned;
            if learned.source == source {
                self.on_own_packet(ssrc, sequence, now_ns);
                return Verdict::Accept;
            }
            let fit = self.fit(source);
            let is_former_back = self.former == Some(source) && learned.fit < Fit::Exact;
            let is_better = fit > learned.fit || is_former_back;
            if now_ns < learned.settles_ns && is_better
                || self.goes_on(source, ssrc, sequence, now_ns)
            {
                self.on_own_packet(ssrc, sequence, now_ns);
                return self.learn(source, fit, now_ns);
            }
            return Verdict::Stray;
        }
        let fit = self.fit(source);
        let needed = match fit {
            _ if self.given_up == Some(source) => GIVEN_UP_PACKETS,
            _ if self.former == Some(source) => 1,
            Fit::Exact => 1,
            Fit::Host if self.former.is_none() => 1,
            _ if self.former.is_none() => STRANGER_PACKETS,
            _ => USURPER_PACKETS,
        };
        if self.count(source, ssrc, sequence) < needed {
            return Verdict::Stray;
        }
        self.on_own_packet(ssrc, sequence, now_ns);
        self.learn(source, fit, now_ns)
    }

    /// Whether `source` goes on where the learned one fell silent.
    fn goes_on(&mut self, source: SocketAddr, ssrc: u32, sequence: u16, now_ns: u64) -> bool {
        let is_next = self.heard.is_some_and(|heard| {
            heard.ssrc == ssrc
                && now_ns.saturating_sub(heard.at_ns) >= REBINDING_NS
                && sequence.wrapping_sub(heard.sequence).wrapping_sub(1) < MAX_REBINDING_GAP
        });
        is_next && self.count(source, ssrc, sequence) >= STRANGER_PACKETS
    }

    /// Where to send: the learned source, the one before it, or the SDP's address.
    pub fn target(&self) -> Option<SocketAddr> {
        self.learned
            .map(|learned| learned.source)
            .or(self.former)
            .or(self.expected)
    }

    /// The learned source, once no other can replace it: the socket may be connected to it.
    pub fn settled(&self, now_ns: u64) -> Option<SocketAddr> {
        self.learned
            .filter(|learned| learned.fit == Fit::Exact || now_ns >= learned.settles_ns)
            .map(|learned| learned.source)
    }

    /// Whether a source is learned.
    pub fn is_learned(&self) -> bool {
        self.learned.is_some()
    }

    fn fit(&self, source: SocketAddr) -> Fit {
        match self.expected {
            Some(expected) if expected == source => Fit::Exact,
            Some(expected) if expected.ip() == source.ip() => Fit::Host,
            _ => Fit::Stranger,
        }
    }

    fn count(&mut self, source: SocketAddr, ssrc: u32, sequence: u16) -> u16 {
        let packets = match &self.candidate {
            Some(before)
                if before.source == source
                    && before.ssrc == ssrc
                    && before.sequence.wrapping_add(1) == sequence =>
            {
                before.packets.saturating_add(1)
            }
            _ => 1,
        };
        self.candidate = Some(Candidate {
            source,
            ssrc,
            sequence,
            packets,
        });
        packets
    }

    fn learn(&mut self, source: SocketAddr, fit: Fit, now_ns: u64) -> Verdict {
        let provisional = if self.given_up == Some(source) {
            u64::MAX // the address that the SDP names takes over with its first packet, whenever that comes
        } else if self.is_after_silence && self.former != Some(source) {
            PROVISIONAL_AFTER_SILENCE_NS
        } else {
            PROVISIONAL_NS
        };
        self.learned = Some(Learned {
            source,
            fit,
            settles_ns: now_ns.saturating_add(provisional),
        });
        self.candidate = None;
        Verdict::Learn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn latch(expected: &str) -> Latch {
        let mut latch = Latch::default();
        assert!(!latch.expect(Some(address(expected))));
        latch
    }

    #[test]
    fn until_a_party_speaks_the_sdp_says_where_to_send() {
        let latch = latch("192.0.2.1:4000");
        assert_eq!(latch.target(), Some(address("192.0.2.1:4000")));
        assert_eq!(latch.settled(u64::MAX), None);
        assert!(!latch.is_learned());
    }

    #[test]
    fn stragglers_from_an_address_that_was_given_up_count_for_nothing() {
        let (old, new) = (address("192.0.2.1:4000"), address("192.0.2.1:5000"));
        let mut latch = latch("192.0.2.1:4000");
        assert_eq!(latch.on_packet(old, 1, 1, 0), Verdict::Learn);
        assert!(latch.expect(Some(new)));
        assert_eq!(latch.target(), Some(new));
        for sequence in 2..20 {
            assert_eq!(latch.on_packet(old, 1, sequence, 0), Verdict::Stray);
        }
        assert_eq!(latch.target(), Some(new));
        assert_eq!(latch.on_packet(new, 2, 1, 0), Verdict::Learn);
        assert_eq!(latch.on_packet(old, 1, 20, 0), Verdict::Stray);
    }

    #[test]
    fn a_party_that_has_not_moved_after_all_is_heard_after_a_second() {
        let (old, new) = (address("192.0.2.1:4000"), address("192.0.2.1:5000"));
        let mut latch = latch("192.0.2.1:4000");
        assert_eq!(latch.on_packet(old, 1, 1, 0), Verdict::Learn);
        assert!(latch.expect(Some(new)));
        let verdicts: Vec<_> = (0..GIVEN_UP_PACKETS)
            .map(|place| latch.on_packet(old, 1, 2 + place, 0))
            .collect();
        assert_eq!(verdicts.last(), Some(&Verdict::Learn));
        assert_eq!(latch.target(), Some(old));
        let later = 60_000 * MS;
        assert_eq!(latch.on_packet(old, 1, 60, later), Verdict::Accept);
        assert_eq!(latch.settled(later), None);
        assert_eq!(latch.on_packet(new, 2, 1, later), Verdict::Learn);
        assert_eq!(latch.on_packet(old, 1, 61, later), Verdict::Stray);
        assert_eq!(latch.target(), Some(new));
    }

    #[test]
    fn the_sdp_address_is_learned_and_settled_at_once() {
        let (mut latch, phone) = (latch("192.0.2.1:4000"), address("192.0.2.1:4000"));
        assert_eq!(latch.on_packet(phone, 1, 1, 0), Verdict::Learn);
        assert_eq!(latch.on_packet(phone, 1, 2, 0), Verdict::Accept);
        assert_eq!(latch.settled(0), Some(phone));
        assert_eq!(
            latch.on_packet(address("192.0.2.1:4002"), 1, 3, 0),
            Verdict::Stray
        );
    }

    #[test]
    fn another_port_of_the_host_is_learned_at_once_but_the_sdp_address_may_take_over() {
        let mut latch = latch("192.0.2.1:4000");
        let (translated, exact) = (address("192.0.2.1:61000"), address("192.0.2.1:4000"));
        assert_eq!(latch.on_packet(translated, 1, 1, 0), Verdict::Learn);
        assert_eq!(latch.settled(0), None);
        assert_eq!(latch.on_packet(exact, 2, 1, 100 * MS), Verdict::Learn);
        assert_eq!(latch.on_packet(translated, 1, 2, 200 * MS), Verdict::Stray);
        assert_eq!(latch.target(), Some(exact));
    }

    #[test]
    fn what_is_settled_is_not_taken_over() {
        let mut latch = latch("192.0.2.1:4000");
        let translated = address("192.0.2.1:61000");
        latch.on_packet(translated, 1, 1, 0);
        assert_eq!(latch.settled(PROVISIONAL_NS), Some(translated));
        assert_eq!(
            latch.on_packet(address("192.0.2.1:4000"), 2, 1, PROVISIONAL_NS),
            Verdict::Stray
        );
    }

    #[test]
    fn a_stranger_is_learned_after_three_packets_in_a_row() {
        let (mut latch, stranger) = (latch("10.0.0.1:4000"), address("203.0.113.9:9999"));
        assert_eq!(latch.on_packet(stranger, 1, 65_535, 0), Verdict::Stray);
        assert_eq!(latch.on_packet(stranger, 1, 0, 0), Verdict::Stray);
        assert_eq!(latch.on_packet(stranger, 1, 7, 0), Verdict::Stray);
        assert_eq!(latch.on_packet(stranger, 1, 8, 0), Verdict::Stray);
        assert_eq!(latch.on_packet(stranger, 1, 9, 0), Verdict::Learn);
    }

    #[test]
    fn an_intruder_who_was_first_loses_to_the_party() {
        let (mut latch, intruder) = (latch("192.0.2.1:4000"), address("203.0.113.9:9999"));
        for sequence in 0..10 {
            latch.on_packet(intruder, 1, sequence, 0);
        }
        assert_eq!(latch.target(), Some(intruder));
        assert_eq!(
            latch.on_packet(address("192.0.2.1:4001"), 2, 1, MS),
            Verdict::Learn
        );
        assert_eq!(latch.on_packet(intruder, 1, 11, 2 * MS), Verdict::Stray);
    }

    #[test]
    fn a_new_sdp_address_is_learned_anew_and_the_same_one_is_not() {
        let (mut latch, old) = (latch("192.0.2.1:4000"), address("192.0.2.1:4000"));
        latch.on_packet(old, 1, 1, 0);
        assert!(!latch.expect(None));
        assert!(!latch.expect(Some(old)));
        assert_eq!(latch.on_packet(old, 1, 2, 0), Verdict::Accept);
        let new = address("192.0.2.7:5000");
        assert!(latch.expect(Some(new)));
        assert_eq!(latch.target(), Some(new));
        assert_eq!(latch.on_packet(new, 1, 3, 0), Verdict::Learn);
    }

    #[test]
    fn naming_the_source_that_was_learned_changes_nothing() {
        let mut latch = latch("10.0.0.1:4000");
        let translated = address("203.0.113.9:9999");
        for sequence in 0..3 {
            latch.on_packet(translated, 1, sequence, 0);
        }
        assert!(!latch.expect(Some(translated)));
        assert_eq!(latch.on_packet(translated, 1, 3, 0), Verdict::Accept);
    }

    #[test]
    fn a_source_that_goes_on_after_a_second_is_the_party_behind_another_port() {
        let mut latch = latch("192.0.2.1:4000");
        let (party, moved) = (address("192.0.2.1:4000"), address("192.0.2.1:7777"));
        for sequence in 0..5 {
            latch.on_packet(party, 1, sequence, u64::from(sequence) * 20 * MS);
        }
        let silent = 80 * MS + REBINDING_NS;
        for sequence in 5..8 {
            assert_eq!(
                latch.on_packet(moved, 1, sequence, silent - MS),
                Verdict::Stray
            );
        }
        for sequence in 55..57 {
            assert_eq!(latch.on_packet(moved, 1, sequence, silent), Verdict::Stray);
        }
        assert_eq!(latch.on_packet(moved, 1, 57, silent), Verdict::Learn);
        assert_eq!(latch.target(), Some(moved));
    }

    #[test]
    fn another_stream_does_not_go_on_however_long_the_party_is_silent() {
        let mut latch = latch("192.0.2.1:4000");
        let (party, other) = (address("192.0.2.1:4000"), address("192.0.2.1:7777"));
        latch.on_packet(party, 1, 100, 0);
        for step in 0..50 {
            let later = 2 * REBINDING_NS + step * MS;
            let sequence = step as u16;
            assert_eq!(
                latch.on_packet(other, 2, 101 + sequence, later),
                Verdict::Stray
            );
            assert_eq!(
                latch.on_packet(other, 1, 5000 + sequence, later),
                Verdict::Stray
            );
        }
    }

    #[test]
    fn after_a_silence_the_former_source_comes_back_at_once_and_a_new_one_after_ten_packets() {
        let (mut latch, party) = (latch("192.0.2.1:4000"), address("192.0.2.1:4000"));
        latch.on_packet(party, 1, 1, 0);
        latch.reopen();
        assert_eq!(latch.target(), Some(party));
        let moved = address("192.0.2.1:7777");
        for sequence in 0..9 {
            assert_eq!(latch.on_packet(moved, 1, sequence, 0), Verdict::Stray);
        }
        assert_eq!(latch.on_packet(moved, 1, 9, 0), Verdict::Learn);
        assert_eq!(latch.on_packet(party, 1, 2, 10_000 * MS), Verdict::Learn);
        assert_eq!(latch.on_packet(moved, 1, 10, 10_000 * MS), Verdict::Stray);
    }
}
