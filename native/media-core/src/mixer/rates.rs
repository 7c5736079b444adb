//! The rates at which members speak and hear: those of the codecs.

use super::FRAME_MS;

/// How many there are.
pub(super) const RATES: usize = 3;

/// Samples per second; the better one is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rate {
    /// 8 kHz.
    Narrow,
    /// 16 kHz.
    Wide,
    /// 48 kHz.
    Full,
}

impl Rate {
    /// All, the lowest first.
    pub const ALL: [Self; RATES] = [Self::Narrow, Self::Wide, Self::Full];

    /// The rate of a codec; `None` if no codec has it.
    pub fn of(hertz: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|rate| rate.hertz() == hertz)
    }

    pub fn hertz(self) -> u32 {
        match self {
            Self::Narrow => 8000,
            Self::Wide => 16_000,
            Self::Full => 48_000,
        }
    }

    /// Samples of one frame.
    pub fn frame(self) -> usize {
        (self.hertz() / 1000 * FRAME_MS) as usize
    }
}
