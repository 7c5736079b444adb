//! The keying step: how the packets of a stream are protected on the wire, in one place for both directions.
//!
//! Every datagram of RTP and RTCP passes here: after the demultiplexer and before anything judges it, and as the
//! last thing before the socket. A plain leg pays one comparison.

use media_core::demux::Protocol;

/// What a stream's packets are protected with.
#[derive(Debug, Default)]
pub(crate) enum Keying {
    /// Nothing: RTP/AVP.
    #[default]
    Plain,
}

impl Keying {
    /// Opens a datagram in place. Returns how long the RTP or RTCP packet at its beginning is; `None`: it is to be
    /// dropped, since it is forged, replayed, or in the clear where it must not be.
    #[expect(clippy::unnecessary_wraps, reason = "a plain leg drops nothing here")]
    pub(crate) fn unprotect(&mut self, protocol: Protocol, datagram: &mut [u8]) -> Option<usize> {
        match (self, protocol) {
            (Self::Plain, _) => Some(datagram.len()),
        }
    }

    /// Hands `send` the datagram as it goes on the wire; false if it cannot be protected or sent.
    pub(crate) fn protect(
        &mut self,
        protocol: Protocol,
        packet: &[u8],
        send: impl FnOnce(&[u8]) -> bool,
    ) -> bool {
        match (self, protocol) {
            (Self::Plain, _) => send(packet),
        }
    }
}
