//! The table of codecs: opens one by its encoding name in SDP.

use std::fmt;

use crate::codec::Pair;
use crate::codec::g711::{self, Law};
use crate::codec::g722;
use crate::codec::opus;

/// The table has no codec of that encoding name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownCodec(pub String);

impl fmt::Display for UnknownCodec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "no codec is called {}", self.0)
    }
}

impl std::error::Error for UnknownCodec {}

/// Opens a codec by its encoding name in SDP (RFC 4855: case does not matter). `fmtp` is what the remote
/// announced for the payload type, hence what it wants to receive; G.711 has no such parameters.
pub fn open(name: &str, fmtp: &str) -> Result<Pair, UnknownCodec> {
    match name.to_ascii_lowercase().as_str() {
        "pcmu" => Ok(g711::open(Law::Mu)),
        "pcma" => Ok(g711::open(Law::A)),
        "g722" => Ok(g722::open()),
        "opus" => opus::open(fmtp).ok_or_else(|| UnknownCodec(name.to_owned())),
        _ => Err(UnknownCodec(name.to_owned())),
    }
}
