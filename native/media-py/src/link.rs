//! What an audio stream is connected to: whose sound it sends when it has none of its own.

use media_core::codecs;
use media_core::transcode::Transcoder;

use crate::format::Format;

/// Another stream of the same packet thread: its index there, and its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) index: u32,
    pub(crate) id: u64,
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
            Self::None => None,
            Self::Bridge { peer, .. } => Some(*peer),
        }
    }

    pub(crate) fn transcoder(&mut self) -> Option<&mut Transcoder> {
        match self {
            Self::Bridge { transcoder, .. } => transcoder.as_deref_mut(),
            Self::None => None,
        }
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
