//! One leg's video: packets go to the other leg untouched, but for the payload type.
//!
//! Sequence numbers, timestamps and SSRC stay, so that feedback (RTCP of RFC 4585, RFC 5104) finds what it is
//! about; RTCP is passed on whole. A leg that is joined in the middle of the other's video gets a picture to begin with:
//! the other is asked for it.

use std::net::SocketAddr;
use std::sync::Arc;

use media_core::rtp::latch::Verdict;
use media_core::rtp::{self, rtcp};

use crate::net::{LastPacket, Net, Remote};
use crate::stream::format::{VideoFormat, VideoFormats};
use crate::stream::link::Peer;
use crate::thread::context::Context;
use crate::thread::counters::Counters;

/// The stream.
pub(crate) struct VideoStream {
    pub(crate) id: u64,
    pub(crate) net: Net,
    pub(crate) counters: Arc<Counters>,
    pub(crate) peer: Option<Peer>,
    formats: Option<VideoFormats>,
    last: LastPacket,
    /// The SSRC of the party's pictures, as against that of their repetitions.
    filmed: Option<u32>,
}

/// The format of `ours` that carries what `theirs` is: same kind and parameters, else the same kind.
fn counterpart<'a>(theirs: &VideoFormat, ours: &'a [VideoFormat]) -> Option<&'a VideoFormat> {
    let same_kind = |format: &&VideoFormat| format.kind == theirs.kind;
    ours.iter()
        .find(|format| same_kind(format) && format.parameters == theirs.parameters)
        .or_else(|| ours.iter().find(same_kind))
}

/// A picture loss indication (RFC 4585 section 6.3.1) about `media`, in a compound packet of its own: it follows an
/// empty receiver report (RFC 3550 section 6.1).
fn picture_loss(media: u32) -> [u8; 20] {
    let mut packet = [0; 20];
    packet[..4].copy_from_slice(&[0x80, 201, 0, 1]);
    packet[8..12].copy_from_slice(&[0x81, 206, 0, 2]);
    packet[16..].copy_from_slice(&media.to_be_bytes());
    packet
}

impl VideoStream {
    pub(crate) fn new(id: u64, net: Net, counters: Arc<Counters>) -> Self {
        Self {
            id,
            net,
            counters,
            peer: None,
            formats: None,
            last: LastPacket::default(),
            filmed: None,
        }
    }

    /// Joins it with another leg, and asks for a picture if the party is filming already.
    pub(crate) fn connect(&mut self, peer: Peer) {
        self.peer = Some(peer);
        if let Some(ssrc) = self.filmed {
            // What is lost is asked for again by the one that misses the picture.
            self.net.send_rtcp(&picture_loss(ssrc));
        }
    }

    /// Applies what an offer/answer agreed on.
    pub(crate) fn configure(&mut self, remote: Remote, formats: VideoFormats, ctx: &Context<'_>) {
        self.net.configure(remote, &self.counters, ctx.now);
        self.net.begin_handshake(self.id, ctx.node);
        self.formats = Some(formats);
    }

    /// Judges a datagram that came to the RTP port; true if it is to be passed on.
    pub(crate) fn receive(
        &mut self,
        datagram: &[u8],
        source: Option<SocketAddr>,
        ctx: &Context<'_>,
    ) -> bool {
        let Some(packet) = rtp::parse(datagram) else {
            return self.drop_packet(ctx);
        };
        let Some(format) = self.format_of(packet.header.payload_type) else {
            return self.drop_packet(ctx);
        };
        let is_repair = format.is_repair;
        if self
            .net
            .judge(source, &packet.header, ctx.now, &self.counters)
            == Verdict::Stray
        {
            return self.drop_packet(ctx);
        }
        self.counters.packets_received.add(1);
        self.counters
            .bytes_received
            .add(packet.payload.len() as u64);
        ctx.totals.received.add(1);
        self.last = LastPacket {
            at: ctx.now,
            source: Some((packet.header.ssrc, packet.header.sequence)),
        };
        if !is_repair {
            self.filmed = Some(packet.header.ssrc);
        }
        self.formats
            .as_ref()
            .is_some_and(|formats| formats.receives)
    }

    /// Whether a datagram of RTCP is the party's, to be passed on.
    pub(crate) fn receive_rtcp(&mut self, datagram: &[u8], source: Option<SocketAddr>) -> bool {
        let is_theirs = rtcp::is_valid(datagram) && self.net.accept_rtcp(source);
        if !is_theirs {
            self.counters.packets_dropped.add(1);
        }
        is_theirs
    }

    /// The format that a payload type means, as the party numbers what it sends.
    pub(crate) fn format_of(&self, payload_type: u8) -> Option<&VideoFormat> {
        let formats = &self.formats.as_ref()?.formats;
        formats
            .iter()
            .find(|format| format.receive_payload_type == payload_type)
    }

    /// Our number for a format of the other leg.
    pub(crate) fn number_of(&self, theirs: &VideoFormat) -> Option<u8> {
        let formats = self.formats.as_ref().filter(|formats| formats.sends)?;
        counterpart(theirs, &formats.formats).map(|format| format.payload_type)
    }

    /// Passes a packet of the other leg on with our payload type.
    pub(crate) fn forward(&mut self, payload_type: u8, datagram: &mut [u8], ctx: &Context<'_>) {
        datagram[1] = (datagram[1] & 0x80) | (payload_type & 0x7f);
        if self.net.has_remote() && self.net.send(datagram) {
            self.counters.packets_sent.add(1);
            let payload = datagram.len() - rtp::HEADER;
            self.counters.bytes_sent.add(payload as u64);
            ctx.totals.sent.add(1);
        }
    }

    /// What is due a few times a second.
    pub(crate) fn maintain(&mut self, now: u64) {
        self.net.maintain(&self.last, now);
    }

    fn drop_packet(&self, ctx: &Context<'_>) -> bool {
        self.counters.packets_dropped.add(1);
        ctx.totals.dropped.add(1);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(kind: &str, payload_type: u8, parameters: &str) -> VideoFormat {
        VideoFormat {
            kind: kind.to_owned(),
            parameters: parameters.to_owned(),
            payload_type,
            receive_payload_type: payload_type,
            is_repair: false,
        }
    }

    #[test]
    fn formats_meet_by_kind_and_parameters() {
        let ours = [
            format("h264 1 42", 102, "profile-level-id=42001f"),
            format("h264 1 42", 104, "profile-level-id=42e01f"),
            format("vp8", 96, ""),
        ];
        let number =
            |kind, fmtp| counterpart(&format(kind, 1, fmtp), &ours).map(|found| found.payload_type);
        assert_eq!(number("h264 1 42", "profile-level-id=42e01f"), Some(104));
        assert_eq!(number("h264 1 42", "profile-level-id=42800d"), Some(102));
        assert_eq!(number("h264 0 42", "profile-level-id=42e01f"), None);
        assert_eq!(number("vp8", "max-fs=1200"), Some(96));
        assert_eq!(number("av1 0", ""), None);
    }

    #[test]
    fn a_picture_is_asked_for_in_a_compound_packet() {
        let packet = picture_loss(0x0102_0304);
        assert!(rtcp::is_valid(&packet));
        assert_eq!(packet[8..12], [0x81, 206, 0, 2]);
        assert_eq!(packet[16..], [1, 2, 3, 4]);
    }
}
