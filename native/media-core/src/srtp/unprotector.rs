//! What comes: SRTP becomes RTP, SRTCP becomes RTCP, or it is rejected.

use super::transform::{Place, Trailer, Transform};
use super::window::{Window, nearest};
use super::{ENCRYPTED, MasterKey, Protocol, RTCP_HEADER, RTCP_INDEX, word_at};
use crate::rtp;

/// Sources that are remembered; the one that was silent for longest is forgotten for a further one.
const MAX_SOURCES: usize = 64;
/// Packets after a change of keys in which a source's rollover counter may turn out to have begun anew.
const PROBATION: u8 = 16;

/// Why a packet is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejected {
    /// Too short, or no packet of its protocol.
    Malformed,
    /// Its index was seen, or is too old to be known.
    Replayed,
    /// Its tag is wrong: it is forged, damaged, or protected with another key.
    Forged,
}

struct Source {
    ssrc: u32,
    rtp: Option<Window>,
    rtcp: Option<Window>,
    probation: u8,
}

/// Opens everything that one stream hears, with one key at a time.
pub struct Unprotector {
    rtp: Transform,
    rtcp: Transform,
    /// The one that was heard last comes last.
    sources: Vec<Source>,
}

impl Unprotector {
    /// With the key of a peer that was not heard yet.
    pub fn new(master: &MasterKey) -> Self {
        Self {
            rtp: Transform::new(master, Protocol::Rtp),
            rtcp: Transform::new(master, Protocol::Rtcp),
            sources: Vec::with_capacity(1),
        }
    }

    /// The peer has another key from now on.
    ///
    /// Rollover counters go on (RFC 3711 section 3.3.1). Some peers begin them anew: for the first packets that the
    /// expected counter does not open, 0 is tried as well.
    pub fn rekey(&mut self, master: &MasterKey) {
        self.rtp = Transform::new(master, Protocol::Rtp);
        self.rtcp = Transform::new(master, Protocol::Rtcp);
        for source in &mut self.sources {
            source.rtp = source.rtp.map(|old| Window::cleared_at(old.highest()));
            source.rtcp = None;
            source.probation = PROBATION;
        }
    }

    /// Opens an SRTP packet in place; returns the length of the RTP packet that `packet` begins with now.
    ///
    /// # Errors
    /// It is to be dropped; `packet` is as it was.
    pub fn unprotect(&mut self, packet: &mut [u8]) -> Result<usize, Rejected> {
        let length = packet
            .len()
            .checked_sub(self.rtp.tag_length())
            .ok_or(Rejected::Malformed)?;
        let start = rtp::payload_start(&packet[..length]).ok_or(Rejected::Malformed)?;
        let (ssrc, sequence) = (word_at(packet, 8), word_at(packet, 0) as u16);
        let known = self.find(ssrc);
        let (body, tag) = packet.split_at_mut(length);
        let mut verdict = Rejected::Malformed;
        for estimate in indices(known.map(|at| &self.sources[at]), sequence) {
            let Some(estimate) = estimate else { continue };
            if estimate.is_replayed {
                verdict = Rejected::Replayed;
                continue;
            }
            let index = estimate.index;
            let trailer = Trailer::Rollover((index >> 16) as u32);
            if self
                .rtp
                .open(Place { ssrc, index }, body, start, trailer, tag)
            {
                let source = self.source(known, ssrc);
                match &mut source.rtp {
                    Some(window) if !estimate.begins_anew => window.add(index),
                    other => *other = Some(Window::starting_at(index)),
                }
                source.probation = if estimate.begins_anew {
                    0
                } else {
                    source.probation.saturating_sub(1)
                };
                return Ok(length);
            }
            verdict = Rejected::Forged;
        }
        Err(verdict)
    }

    /// The same for an SRTCP packet.
    ///
    /// # Errors
    /// It is to be dropped; `packet` is as it was.
    pub fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Rejected> {
        let tag_length = self.rtcp.tag_length();
        let length = packet
            .len()
            .checked_sub(tag_length + RTCP_INDEX)
            .filter(|length| *length >= RTCP_HEADER && packet[0] >> 6 == 2)
            .ok_or(Rejected::Malformed)?;
        let (body, rest) = packet.split_at_mut(length);
        let (word, tag) = if self.rtcp.is_gcm() {
            (word_at(rest, tag_length), &rest[..tag_length])
        } else {
            (word_at(rest, 0), &rest[RTCP_INDEX..])
        };
        // What was agreed on is encrypted; that the peer leaves it out was refused in the offer.
        if word & ENCRYPTED == 0 {
            return Err(Rejected::Malformed);
        }
        let ssrc = word_at(body, 4);
        let index = u64::from(word & !ENCRYPTED);
        let known = self.find(ssrc);
        let window = known.and_then(|at| self.sources[at].rtcp);
        if window.is_some_and(|window| window.has(index)) {
            return Err(Rejected::Replayed);
        }
        let place = Place { ssrc, index };
        if !self
            .rtcp
            .open(place, body, RTCP_HEADER, Trailer::Index(word), tag)
        {
            return Err(Rejected::Forged);
        }
        match &mut self.source(known, ssrc).rtcp {
            Some(window) => window.add(index),
            none => *none = Some(Window::starting_at(index)),
        }
        Ok(length)
    }

    fn find(&self, ssrc: u32) -> Option<usize> {
        self.sources.iter().position(|source| source.ssrc == ssrc)
    }

    /// The source that was just proved to be the peer's; it is at the end of the list then.
    fn source(&mut self, known: Option<usize>, ssrc: u32) -> &mut Source {
        let last = self.sources.len().saturating_sub(1);
        match known {
            Some(at) if at == last => {}
            Some(at) => self.sources[at..].rotate_left(1),
            None => {
                if self.sources.len() == MAX_SOURCES {
                    self.sources.remove(0);
                }
                self.sources.push(Source {
                    ssrc,
                    rtp: None,
                    rtcp: None,
                    probation: 0,
                });
            }
        }
        let last = self.sources.len() - 1;
        &mut self.sources[last]
    }
}

/// An index that a packet may have (the estimate of RFC 3711 section 3.3.1).
struct Estimate {
    index: u64,
    is_replayed: bool,
    /// The source counts from 0 again.
    begins_anew: bool,
}

fn indices(source: Option<&Source>, sequence: u16) -> [Option<Estimate>; 2] {
    let first = u64::from(sequence);
    let fresh = |index| Estimate {
        index,
        is_replayed: false,
        begins_anew: true,
    };
    let Some((window, probation)) =
        source.and_then(|source| source.rtp.map(|window| (window, source.probation)))
    else {
        // The packets before the first wrap may all have been lost.
        let wrapped = (sequence < 0x8000).then(|| fresh(first | 1 << 16));
        return [Some(fresh(first)), wrapped];
    };
    let expected = nearest(window.highest(), sequence).map(|index| Estimate {
        index,
        is_replayed: window.has(index),
        begins_anew: false,
    });
    let is_other = expected
        .as_ref()
        .is_none_or(|estimate| estimate.index != first);
    [expected, (probation > 0 && is_other).then(|| fresh(first))]
}
