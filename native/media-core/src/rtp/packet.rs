//! RTP packets (RFC 3550 section 5.1): reading the header, writing one, and rewriting it in place.

/// Length of a header without contributing sources or extension.
pub const HEADER: usize = 12;

/// Largest packet that the streams handle; longer datagrams are dropped as no audio or video ever is.
pub const MAX_PACKET: usize = 2048;

/// A time as ticks of a clock with `rate` Hz.
pub fn ticks(ns: u64, rate: u32) -> u64 {
    const SECOND: u64 = 1_000_000_000;
    ns / SECOND * u64::from(rate) + ns % SECOND * u64::from(rate) / SECOND
}

/// What a packet says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// First packet after silence, or of an event; last of a video frame.
    pub marker: bool,
    /// 0 to 127.
    pub payload_type: u8,
    /// Counts packets.
    pub sequence: u16,
    /// Counts ticks of the format's clock.
    pub timestamp: u32,
    /// Names the sender's stream.
    pub ssrc: u32,
}

/// Where a packet belongs in the stream of its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Of the source.
    pub ssrc: u32,
    /// Counts packets, those of digits too: a digit is a loss as far as its sound is concerned.
    pub sequence: u16,
    /// Of the source's clock.
    pub timestamp: u32,
}

impl From<&Header> for Place {
    fn from(header: &Header) -> Self {
        Self {
            ssrc: header.ssrc,
            sequence: header.sequence,
            timestamp: header.timestamp,
        }
    }
}

/// A header and where its payload lies in the datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The fixed part of the header.
    pub header: Header,
    /// Where the payload begins: after contributing sources and extension.
    pub start: usize,
    /// Without padding.
    pub payload: &'a [u8],
}

/// Where the payload begins: after the fixed header, contributing sources and extension. `None` if the datagram is no
/// RTP packet of version 2, or ends before.
pub fn payload_start(datagram: &[u8]) -> Option<usize> {
    let fixed: &[u8; HEADER] = datagram.first_chunk()?;
    if fixed[0] >> 6 != 2 {
        return None;
    }
    let mut start = HEADER + 4 * usize::from(fixed[0] & 0x0f);
    if fixed[0] & 0x10 != 0 {
        let extension = datagram.get(start..start + 4)?;
        start += 4 + 4 * usize::from(u16::from_be_bytes([extension[2], extension[3]]));
    }
    (start <= datagram.len()).then_some(start)
}

/// Reads a datagram; `None` if it is not an RTP packet of version 2 whose parts fit into it.
pub fn parse(datagram: &[u8]) -> Option<Packet<'_>> {
    let start = payload_start(datagram)?;
    let fixed: &[u8; HEADER] = datagram.first_chunk()?;
    let padding = if fixed[0] & 0x20 == 0 {
        0
    } else {
        usize::from(*datagram.last()?).max(1)
    };
    let end = datagram.len().checked_sub(padding)?;
    Some(Packet {
        header: Header {
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7f,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
        },
        start,
        payload: datagram.get(start..end)?,
    })
}

/// Writes `header` over the first twelve octets, without padding, extension or contributing sources.
///
/// # Panics
/// If `datagram` is shorter than [`HEADER`].
pub fn write(header: &Header, datagram: &mut [u8]) {
    datagram[0] = 0x80;
    rewrite(header, datagram);
}

/// Writes `header` into a packet that was read with [`parse`]; what follows the twelve octets stays.
///
/// # Panics
/// If `datagram` is shorter than [`HEADER`].
pub fn rewrite(header: &Header, datagram: &mut [u8]) {
    datagram[1] = (header.payload_type & 0x7f) | (u8::from(header.marker) << 7);
    datagram[2..4].copy_from_slice(&header.sequence.to_be_bytes());
    datagram[4..8].copy_from_slice(&header.timestamp.to_be_bytes());
    datagram[8..12].copy_from_slice(&header.ssrc.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_header() -> impl Strategy<Value = Header> {
        (
            any::<bool>(),
            0u8..128,
            any::<u16>(),
            any::<u32>(),
            any::<u32>(),
        )
            .prop_map(|(marker, payload_type, sequence, timestamp, ssrc)| Header {
                marker,
                payload_type,
                sequence,
                timestamp,
                ssrc,
            })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(header in any_header(), payload in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut datagram = vec![0; HEADER];
            datagram.extend_from_slice(&payload);
            write(&header, &mut datagram);
            prop_assert_eq!(parse(&datagram), Some(Packet { header, start: HEADER, payload: &payload }));
        }

        #[test]
        fn any_octets_are_read_or_refused(datagram in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(packet) = parse(&datagram) {
                prop_assert!(packet.payload.len() + HEADER <= datagram.len());
            }
        }

        #[test]
        fn rewriting_keeps_extension_and_payload(old in any_header(), new in any_header()) {
            let mut datagram = [0u8; HEADER + 8 + 5];
            write(&old, &mut datagram);
            datagram[0] |= 0x10;
            datagram[HEADER + 3] = 1;
            datagram[HEADER + 8..].copy_from_slice(b"hello");
            rewrite(&new, &mut datagram);
            prop_assert_eq!(parse(&datagram), Some(Packet { header: new, start: HEADER + 8, payload: b"hello" }));
        }
    }

    #[test]
    fn contributing_sources_extension_and_padding_are_skipped() {
        let mut datagram = vec![0xb1, 0x80, 0, 7, 0, 0, 0, 9, 0, 0, 0, 1];
        datagram.extend([1, 2, 3, 4]);
        datagram.extend([0xbe, 0xde, 0, 1, 9, 9, 9, 9]);
        datagram.extend(b"abc\x00\x02");
        let packet = parse(&datagram).unwrap();
        assert!(packet.header.marker);
        assert_eq!(packet.payload, b"abc");
    }

    #[test]
    fn lies_about_lengths_are_refused() {
        let plain = [0x80, 0, 0, 7, 0, 0, 0, 9, 0, 0, 0, 1];
        assert!(parse(&plain).is_some());
        assert!(parse(&plain[..11]).is_none());
        for first in [0x8f, 0x90, 0x40, 0xa0] {
            let mut lie = plain;
            lie[0] = first;
            lie[11] = 13;
            assert!(parse(&lie).is_none(), "{first:#x}");
        }
    }
}
