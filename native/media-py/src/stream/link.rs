//! What an audio stream is connected to: whose sound it sends when it has none of its own.

use media_core::codec::codecs;
use media_core::rtp::jitter::Depth;
use media_core::stream::transcode::Transcoder;

use crate::stream::format::Format;

/// Another stream of the same packet thread: its index there, and its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) index: u32,
    pub(crate) id: u64,
}

/// How long packets of a member wait before they are mixed, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delay {
    pub(crate) min_ms: u32,
    pub(crate) max_ms: u32,
}

impl Default for Delay {
    /// Two packets at least: a gap would be heard by all members.
    fn default() -> Self {
        Self {
            min_ms: 40,
            max_ms: 240,
        }
    }
}

/// The connection; one at a time.
#[derive(Default)]
pub(crate) enum Link {
    /// The stream stands alone.
    #[default]
    None,
    /// Bridged with another stream. Packets of the same format are relayed; of another one they go through the
    /// transcoder, which is present then.
    Bridge {
        peer: Peer,
        transcoder: Option<Box<Transcoder>>,
    },
    /// A member of the room with this id, which mixes what is said into `input`.
    Room { room: u64, input: Box<RoomInput> },
}

/// What a member of a room says, on its way to the mixer.
#[derive(Default)]
pub(crate) struct RoomInput {
    pub(crate) delay: Delay,
    /// With the samples of 20 ms; `None` until a codec was agreed on.
    pub(crate) transcoder: Option<(Transcoder, usize)>,
}

impl RoomInput {
    /// The member speaks this from now on.
    pub(crate) fn set_format(&mut self, format: Option<&Format>) {
        self.transcoder = format.and_then(|format| {
            let (_, decoder) = codecs::open(&format.codec, &format.fmtp).ok()?;
            let rate = decoder.sample_rate();
            let mut transcoder = Transcoder::new(decoder, format.clock_rate, format.ptime_ms, rate);
            let delay = self.delay;
            transcoder.set_depth(Depth::of_ms(delay.min_ms, delay.max_ms, format.ptime_ms));
            Some((transcoder, (rate / 50) as usize))
        });
    }
}

impl Link {
    /// A bridge whose packets are relayed.
    pub(crate) fn bridge(peer: Peer) -> Self {
        Self::Bridge {
            peer,
            transcoder: None,
        }
    }

    /// The other stream of a bridge.
    pub(crate) fn peer(&self) -> Option<Peer> {
        match self {
            Self::Bridge { peer, .. } => Some(*peer),
            Self::None | Self::Room { .. } => None,
        }
    }

    /// What makes sound of the other leg's packets, where that is done.
    pub(crate) fn transcoder(&mut self) -> Option<&mut Transcoder> {
        match self {
            Self::Bridge { transcoder, .. } => transcoder.as_deref_mut(),
            Self::None | Self::Room { .. } => None,
        }
    }

    /// The room that it is a member of.
    pub(crate) fn room(&self) -> Option<u64> {
        match self {
            Self::Room { room, .. } => Some(*room),
            Self::None | Self::Bridge { .. } => None,
        }
    }

    /// Whether what is said goes anywhere.
    pub(crate) fn is_joined(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// Whether its sound is made here, packet time by packet time, instead of relayed.
    pub(crate) fn is_paced(&self) -> bool {
        matches!(
            self,
            Self::Bridge {
                transcoder: Some(_),
                ..
            }
        )
    }

    /// The other leg's packets are of the format `from` and must be decoded to samples at `rate`; `None`: they are
    /// relayed.
    pub(crate) fn transcode(&mut self, from: Option<&Format>, rate: u32) {
        if let Self::Bridge { transcoder, .. } = self {
            *transcoder = from.and_then(|from| {
                let (_, decoder) = codecs::open(&from.codec, &from.fmtp).ok()?;
                let transcoder = Transcoder::new(decoder, from.clock_rate, from.ptime_ms, rate);
                Some(Box::new(transcoder))
            });
        }
    }
}
