//! What leaves: RTP becomes SRTP, RTCP becomes SRTCP.

use super::transform::{Place, Trailer, Transform};
use super::window::{Window, nearest};
use super::{ENCRYPTED, MasterKey, Protocol, RTCP_HEADER, RTCP_INDEX, word_at};
use crate::rtp;

/// Sources that one key protects. A forgotten source that came again would use its indexes twice, so none is
/// forgotten, and packets of a further one are not sent.
const MAX_SOURCES: usize = 64;

struct Source {
    ssrc: u32,
    window: Window,
}

/// Protects everything that one stream sends, with one key. The same index is never used twice: with counter mode and
/// GCM, two packets under one index betray each other's content.
pub struct Protector {
    rtp: Transform,
    rtcp: Transform,
    sources: Vec<Source>,
    /// Of the next SRTCP packet, whatever its source.
    next_rtcp: u32,
}

impl Protector {
    /// With a key that has protected nothing yet.
    pub fn new(master: &MasterKey) -> Self {
        Self {
            rtp: Transform::new(master, Protocol::Rtp),
            rtcp: Transform::new(master, Protocol::Rtcp),
            sources: Vec::with_capacity(1),
            next_rtcp: 1,
        }
    }

    /// Writes the protected form of the RTP packet `packet` to the beginning of `out`, and returns its length.
    ///
    /// `None`: it is not an RTP packet, does not fit into `out` (which needs `MAX_OVERHEAD` octets more), repeats an index,
    /// or is more than 128 packets late.
    pub fn protect(&mut self, packet: &[u8], out: &mut [u8]) -> Option<usize> {
        let start = rtp::payload_start(packet)?;
        let length = packet.len() + self.rtp.tag_length();
        let out = out.get_mut(..length)?;
        let (ssrc, sequence) = (word_at(packet, 8), word_at(packet, 0) as u16);
        let index = self.new_index(ssrc, sequence)?;
        let (body, tag) = out.split_at_mut(packet.len());
        body.copy_from_slice(packet);
        let trailer = Trailer::Rollover((index >> 16) as u32);
        let sealed = self.rtp.seal(Place { ssrc, index }, body, start, trailer);
        tag.copy_from_slice(sealed.octets());
        Some(length)
    }

    /// The same for the compound RTCP packet `packet`.
    pub fn protect_rtcp(&mut self, packet: &[u8], out: &mut [u8]) -> Option<usize> {
        if packet.len() < RTCP_HEADER || self.next_rtcp >= ENCRYPTED {
            return None;
        }
        let length = packet.len() + RTCP_INDEX + self.rtcp.tag_length();
        let out = out.get_mut(..length)?;
        let (ssrc, index) = (word_at(packet, 4), self.next_rtcp);
        self.next_rtcp += 1;
        let (body, rest) = out.split_at_mut(packet.len());
        body.copy_from_slice(packet);
        let place = Place {
            ssrc,
            index: u64::from(index),
        };
        let word = index | ENCRYPTED;
        let sealed = self
            .rtcp
            .seal(place, body, RTCP_HEADER, Trailer::Index(word));
        let (tag_at, word_at) = if self.rtcp.is_gcm() {
            (0, self.rtcp.tag_length())
        } else {
            (RTCP_INDEX, 0)
        };
        rest[word_at..word_at + RTCP_INDEX].copy_from_slice(&word.to_be_bytes());
        rest[tag_at..tag_at + self.rtcp.tag_length()].copy_from_slice(sealed.octets());
        Some(length)
    }

    /// The index of a packet that is sent for the first time.
    fn new_index(&mut self, ssrc: u32, sequence: u16) -> Option<u64> {
        if let Some(source) = self.sources.iter_mut().find(|source| source.ssrc == ssrc) {
            let index = nearest(source.window.highest(), sequence)?;
            if source.window.has(index) {
                return None;
            }
            source.window.add(index);
            return Some(index);
        }
        if self.sources.len() == MAX_SOURCES {
            return None;
        }
        let index = u64::from(sequence);
        let window = Window::starting_at(index);
        self.sources.push(Source { ssrc, window });
        Some(index)
    }
}
