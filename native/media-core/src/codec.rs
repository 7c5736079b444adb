//! What every codec looks like to the streams: 16-bit mono samples on one side, RTP payloads on the other.
//!
//! A codec never allocates in steady state: the caller owns the vectors, and they keep their capacity from
//! packet to packet. Nothing here fails at run time: a payload that cannot be decoded is concealed as if it
//! had been lost, since a stream has no better answer to give.

use std::fmt;

use crate::g711::{self, Law};
use crate::g722;
use crate::opus;

/// Samples in, one packet's payload out.
pub trait Encoder: Send {
    /// Samples per second that [`encode`](Self::encode) expects; not always the RTP clock (G.722 samples at
    /// 16 kHz and counts at 8 kHz, RFC 3551 section 4.5.2).
    fn sample_rate(&self) -> u32;

    /// Appends the payload of one packet that holds `pcm` (5 to 60 ms of it, a whole number of 5 ms).
    fn encode(&mut self, pcm: &[i16], payload: &mut Vec<u8>);
}

/// Payloads in, samples out.
pub trait Decoder: Send {
    /// Samples per second that [`decode`](Self::decode) yields.
    fn sample_rate(&self) -> u32;

    /// Appends the samples of one packet.
    fn decode(&mut self, payload: &[u8], pcm: &mut Vec<i16>);

    /// Appends `samples` samples in place of what was lost: the sound goes on, then fades away (60 ms for
    /// G.711).
    fn conceal(&mut self, samples: usize, pcm: &mut Vec<i16>);
}

/// A stream's two directions.
pub type Pair = (Box<dyn Encoder + Send>, Box<dyn Decoder + Send>);

/// The encoding name is none of ours.
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
