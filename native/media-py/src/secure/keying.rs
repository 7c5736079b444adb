//! The keying step: how the packets of a stream are protected on the wire, in one place for both directions.
//!
//! Every datagram of RTP and RTCP passes here: after the demultiplexer and before anything judges it, and as the
//! last thing before the socket. A plain leg pays one comparison.

use std::fmt;

use media_core::rtp::MAX_PACKET;
use media_core::rtp::demux::Protocol;
use media_core::srtp::{MAX_OVERHEAD, MasterKey, Protector, Unprotector};

/// Octets of the packets that calls have, but for video, once protected.
const SMALL: usize = 512;

/// The keys of a stream, as offer and answer or a handshake agreed on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SrtpKeys {
    /// Ours: what we send is protected with it.
    pub(crate) send: MasterKey,
    /// The peer's.
    pub(crate) receive: MasterKey,
}

/// What a stream's packets are protected with.
#[derive(Debug, Default)]
pub(crate) enum Keying {
    /// Nothing: RTP/AVP.
    #[default]
    Plain,
    /// SRTP, with keys that a handshake has yet to bring: nothing is sent or heard.
    Awaited,
    /// SRTP, with keys that are known.
    Srtp(Box<Srtp>),
}

/// Both directions of an SRTP stream.
pub(crate) struct Srtp {
    protector: Protector,
    unprotector: Unprotector,
    keys: SrtpKeys,
}

impl Srtp {
    fn new(keys: SrtpKeys) -> Box<Self> {
        Box::new(Self {
            protector: Protector::new(&keys.send),
            unprotector: Unprotector::new(&keys.receive),
            keys,
        })
    }

    /// Other keys; the state of those that stay goes on, so that nothing is sent twice under one index.
    fn rekey(&mut self, keys: SrtpKeys) {
        if keys.send != self.keys.send {
            self.protector = Protector::new(&keys.send);
        }
        if keys.receive != self.keys.receive {
            self.unprotector.rekey(&keys.receive);
        }
        self.keys = keys;
    }

    /// By way of the stack, which stays in the nearest cache, unlike a buffer of each stream.
    fn protect<const ROOM: usize>(
        &mut self,
        protocol: Protocol,
        packet: &[u8],
        send: impl FnOnce(&[u8]) -> bool,
    ) -> bool {
        let mut out = [0; ROOM];
        let length = match protocol {
            Protocol::Rtcp => self.protector.protect_rtcp(packet, &mut out),
            _ => self.protector.protect(packet, &mut out),
        };
        length.is_some_and(|length| send(&out[..length]))
    }
}

impl fmt::Debug for Srtp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Srtp({})", self.keys.send.suite().name())
    }
}

impl Keying {
    /// Applies what an offer/answer agreed on; `None`: plain RTP.
    pub(crate) fn agree(&mut self, keys: Option<SrtpKeys>) {
        match (&mut *self, keys) {
            (_, None) => *self = Self::Plain,
            (Self::Srtp(srtp), Some(keys)) => srtp.rekey(keys),
            (Self::Plain | Self::Awaited, Some(keys)) => *self = Self::Srtp(Srtp::new(keys)),
        }
    }

    /// A handshake brings the keys.
    pub(crate) fn expect_handshake(&mut self) {
        *self = Self::Awaited;
    }

    /// Opens a datagram in place. Returns how long the RTP or RTCP packet at its beginning is; `None`: it is to be
    /// dropped, since it is forged, replayed, or in the clear where it must not be.
    pub(crate) fn unprotect(&mut self, protocol: Protocol, datagram: &mut [u8]) -> Option<usize> {
        match (self, protocol) {
            (Self::Plain, _) => Some(datagram.len()),
            (Self::Awaited, _) => None,
            (Self::Srtp(srtp), Protocol::Rtcp) => srtp.unprotector.unprotect_rtcp(datagram).ok(),
            (Self::Srtp(srtp), _) => srtp.unprotector.unprotect(datagram).ok(),
        }
    }

    /// Hands `send` the datagram as it goes on the wire; false if it cannot be protected or sent.
    pub(crate) fn protect(
        &mut self,
        protocol: Protocol,
        packet: &[u8],
        send: impl FnOnce(&[u8]) -> bool,
    ) -> bool {
        let srtp = match self {
            Self::Plain => return send(packet),
            Self::Awaited => return false,
            Self::Srtp(srtp) => srtp,
        };
        if packet.len() + MAX_OVERHEAD <= SMALL {
            srtp.protect::<SMALL>(protocol, packet, send)
        } else {
            srtp.protect::<{ MAX_PACKET + MAX_OVERHEAD }>(protocol, packet, send)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media_core::rtp::{self, Header};
    use media_core::srtp::Suite;

    fn keys(send: u8, receive: u8) -> SrtpKeys {
        let key =
            |octet| MasterKey::new(Suite::AesCm128Sha1Tag80, &[octet; 30]).expect("its length");
        SrtpKeys {
            send: key(send),
            receive: key(receive),
        }
    }

    fn packet(sequence: u16) -> Vec<u8> {
        let mut datagram = vec![7; rtp::HEADER + 160];
        let header = Header {
            marker: false,
            payload_type: 0,
            sequence,
            timestamp: 0,
            ssrc: 1,
        };
        rtp::write(&header, &mut datagram);
        datagram
    }

    fn sent(keying: &mut Keying, packet: &[u8]) -> Option<Vec<u8>> {
        let mut wire = None;
        keying.protect(Protocol::Rtp, packet, |datagram| {
            wire = Some(datagram.to_vec());
            true
        });
        wire
    }

    #[test]
    fn keys_that_stay_keep_their_indexes_and_others_begin_anew() {
        let (mut ours, mut theirs) = (Keying::default(), Keying::default());
        ours.agree(Some(keys(1, 2)));
        theirs.agree(Some(keys(2, 1)));
        let mut wire = sent(&mut ours, &packet(1)).unwrap();
        assert_eq!(theirs.unprotect(Protocol::Rtp, &mut wire), Some(172));
        ours.agree(Some(keys(1, 3)));
        assert_eq!(sent(&mut ours, &packet(1)), None, "an index used twice");
        ours.agree(Some(keys(4, 3)));
        theirs.agree(Some(keys(3, 4)));
        let mut wire = sent(&mut ours, &packet(2)).unwrap();
        assert_eq!(theirs.unprotect(Protocol::Rtp, &mut wire), Some(172));
        let mut wire = sent(&mut theirs, &packet(9)).unwrap();
        assert_eq!(ours.unprotect(Protocol::Rtp, &mut wire), Some(172));
    }

    #[test]
    fn what_comes_in_the_clear_is_dropped_once_keys_were_agreed_on() {
        let mut keying = Keying::default();
        assert_eq!(keying.unprotect(Protocol::Rtp, &mut packet(1)), Some(172));
        keying.agree(Some(keys(1, 2)));
        assert_eq!(keying.unprotect(Protocol::Rtp, &mut packet(1)), None);
        assert_eq!(keying.unprotect(Protocol::Rtcp, &mut packet(1)), None);
        keying.agree(None);
        assert_eq!(sent(&mut keying, &packet(5)), Some(packet(5)));
    }
}
