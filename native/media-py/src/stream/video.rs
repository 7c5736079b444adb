//! One leg's video: packets go to the other leg untouched, but for the payload type.
//!
//! Sequence numbers, timestamps and SSRC stay, so that feedback (RTCP of RFC 4585, RFC 5104) finds what it is
//! about; RTCP is passed on whole.

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
}

/// The format of `ours` that carries what `theirs` is: same name and parameters, else the same name.
fn counterpart<'a>(theirs: &VideoFormat, ours: &'a [VideoFormat]) -> Option<&'a VideoFormat> {
    let same_name = |format: &&VideoFormat| format.name.eq_ignore_ascii_case(&theirs.name);
    ours.iter()
        .find(|format| same_name(format) && format.fmtp == theirs.fmtp)
        .or_else(|| ours.iter().find(same_name))
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
        let Some(packet) =
            rtp::parse(datagram).filter(|packet| self.knows(packet.header.payload_type))
        else {
            return self.drop_packet(ctx);
        };
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

    fn knows(&self, payload_type: u8) -> bool {
        self.format_of(payload_type).is_some()
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

    fn format(name: &str, payload_type: u8, fmtp: &str) -> VideoFormat {
        VideoFormat {
            name: name.to_owned(),
            payload_type,
            receive_payload_type: payload_type,
            fmtp: fmtp.to_owned(),
        }
    }

    #[test]
    fn formats_meet_by_name_and_parameters() {
        let ours = [
            format("H264", 102, "packetization-mode=0"),
            format("h264", 104, "packetization-mode=1"),
            format("VP8", 96, ""),
        ];
        let number =
            |name, fmtp| counterpart(&format(name, 1, fmtp), &ours).map(|found| found.payload_type);
        assert_eq!(number("H264", "packetization-mode=1"), Some(104));
        assert_eq!(number("H264", "profile-level-id=42e01f"), Some(102));
        assert_eq!(number("vp8", ""), Some(96));
        assert_eq!(number("AV1", ""), None);
    }
}
