//! What every codec looks like to the streams: 16-bit mono samples on one side, RTP payloads on the other.
//!
//! A codec never allocates in steady state: the caller owns the vectors, and they keep their capacity from
//! packet to packet. Nothing here fails at run time: a payload that cannot be decoded is concealed as if it
//! had been lost, since a stream has no better answer to give.

pub mod codecs;
pub mod g711;
pub mod g722;
pub mod opus;
pub mod pcm;
pub mod plc;

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
