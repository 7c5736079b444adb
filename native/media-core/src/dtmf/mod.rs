//! Keys that a party presses: as RTP events, or as tones in its sound.

pub mod inband;
pub mod telephone_event;
