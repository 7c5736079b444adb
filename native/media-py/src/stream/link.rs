//! What an audio stream is connected to: whose sound it sends when it has none of its own.

use media_core::codec::codecs;
use media_core::rtp::jitter::Depth;
use media_core::stream::hearing::Coding;
use media_core::stream::transcode::Transcoder;

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
        transcoder: Option<Box<Transcoding>>,
    },
    /// A member of the room with this id, which mixes what is said into `input`.
    Room { room: u64, input: Box<RoomInput> },
}

/// A transcoder, and between what.
pub(crate) struct Transcoding {
    transcoder: Transcoder,
    from: Coding,
    rate: u32,
}

impl Transcoding {
    /// From packets of `from` to samples at `rate`. What waits in the one `before`, at the same rate, is not lost.
    fn next(before: Option<Self>, from: &Coding, rate: u32) -> Option<Self> {
        if let Some(before) = before.filter(|before| before.rate == rate) {
            return before.turned(from);
        }
        let (_, decoder) = codecs::open(&from.codec, &from.fmtp).ok()?;
        Some(Self {
            transcoder: Transcoder::new(decoder, from.clock_rate, from.ptime_ms, rate),
            from: from.clone(),
            rate,
        })
    }

    fn turned(mut self, from: &Coding) -> Option<Self> {
        if !self.from.is_same_sound(from) || self.from.fmtp != from.fmtp {
            let (_, decoder) = codecs::open(&from.codec, &from.fmtp).ok()?;
            self.transcoder
                .change(decoder, from.clock_rate, from.ptime_ms);
        }
        self.from.clone_from(from);
        Some(self)
    }
}

/// What a member of a room says, on its way to the mixer.
#[derive(Default)]
pub(crate) struct RoomInput {
    delay: Delay,
    /// `None` until a codec was agreed on.
    transcoding: Option<Transcoding>,
}

impl RoomInput {
    /// Without a codec.
    pub(crate) fn new(delay: Delay) -> Self {
        Self {
            delay,
            transcoding: None,
        }
    }

    /// The member speaks this from now on, and is mixed at `rate`.
    pub(crate) fn set_coding(&mut self, coding: Option<&Coding>, rate: u32) {
        let before = self.transcoding.take();
        self.transcoding = coding.and_then(|coding| Transcoding::next(before, coding, rate));
        if let Some(transcoding) = &mut self.transcoding {
            let (delay, ptime_ms) = (self.delay, transcoding.from.ptime_ms);
            let depth = Depth::of_ms(delay.min_ms, delay.max_ms, ptime_ms);
            transcoding.transcoder.set_depth(depth);
        }
    }

    /// What makes sound of its packets, and the samples of 20 ms.
    pub(crate) fn transcoder(&mut self) -> Option<(&mut Transcoder, usize)> {
        let transcoding = self.transcoding.as_mut()?;
        let count = (transcoding.rate / 50) as usize;
        Some((&mut transcoding.transcoder, count))
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
            Self::Bridge { transcoder, .. } => Some(&mut transcoder.as_deref_mut()?.transcoder),
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

    /// The other leg's packets are of the coding `from` and must be decoded to samples at `rate`; `None`: they are
    /// relayed.
    pub(crate) fn transcode(&mut self, from: Option<&Coding>, rate: u32) {
        if let Self::Bridge { transcoder, .. } = self {
            let before = transcoder.take().map(|before| *before);
            let next = from.and_then(|from| Transcoding::next(before, from, rate));
            *transcoder = next.map(Box::new);
        }
    }
}
