//! What a datagram is that came to a media port, by its first octets (RFC 7983; RFC 5761 section 4 for RTCP).

/// The protocols that may share a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Connectivity checks and keep-alives (RFC 8489).
    Stun,
    /// ZRTP (RFC 6189); not spoken here.
    Zrtp,
    /// Handshakes of DTLS-SRTP (RFC 5764).
    Dtls,
    /// Data of a TURN channel (RFC 8656); not spoken here.
    TurnChannel,
    /// RTP or SRTP.
    Rtp,
    /// RTCP or SRTCP; only a port that both share (`a=rtcp-mux`) has it beside RTP.
    Rtcp,
    /// None of these.
    Unknown,
}

/// Looks at two octets at most; says nothing about whether the rest is valid.
pub fn classify(datagram: &[u8]) -> Protocol {
    match datagram {
        [0..=3, ..] => Protocol::Stun,
        [16..=19, ..] => Protocol::Zrtp,
        [20..=63, ..] => Protocol::Dtls,
        [64..=79, ..] => Protocol::TurnChannel,
        // RTCP's packet types would be the payload types 64 to 95, with a marker.
        [128..=191, 192..=223, ..] => Protocol::Rtcp,
        [128..=191, ..] => Protocol::Rtp,
        _ => Protocol::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_octets_decide() {
        let cases: [(&[u8], Protocol); 13] = [
            (&[], Protocol::Unknown),
            (&[0, 1, 0, 8], Protocol::Stun),
            (&[1, 1], Protocol::Stun),
            (&[4], Protocol::Unknown),
            (&[16], Protocol::Zrtp),
            (&[22, 0xfe, 0xff], Protocol::Dtls),
            (&[64, 0], Protocol::TurnChannel),
            (&[80], Protocol::Unknown),
            (&[0x80, 0], Protocol::Rtp),
            (&[0x80, 0xe5], Protocol::Rtp),
            (&[0x80, 200], Protocol::Rtcp),
            (&[0x81, 206], Protocol::Rtcp),
            (&[192, 0], Protocol::Unknown),
        ];
        for (datagram, expected) in cases {
            assert_eq!(classify(datagram), expected, "{datagram:?}");
        }
    }
}
