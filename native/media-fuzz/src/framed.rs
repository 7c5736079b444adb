//! A row of datagrams in one input: who sent it, how long after the one before, how long it is, its octets.

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Any number; targets read the source or the codec out of it.
    pub tag: u8,
    /// Since the one before.
    pub after_ms: u8,
    /// What was sent.
    pub octets: &'a [u8],
}

/// Reads a row; the last one may be cut short.
pub fn datagrams(mut input: &[u8]) -> impl Iterator<Item = Datagram<'_>> {
    std::iter::from_fn(move || {
        let (&[tag, after_ms, high, low], rest) = input.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
        let (octets, rest) = rest.split_at(length);
        input = rest;
        Some(Datagram {
            tag,
            after_ms,
            octets,
        })
    })
}

/// Writes a row; datagrams beyond 64 KiB are cut.
pub fn framed<'a>(row: impl IntoIterator<Item = Datagram<'a>>) -> Vec<u8> {
    let mut out = Vec::new();
    for each in row {
        let length = u16::try_from(each.octets.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&[each.tag, each.after_ms]);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&each.octets[..usize::from(length)]);
    }
    out
}
