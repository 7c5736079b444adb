//! Digits that a party sends: as RTP events, or as tones in its sound.

pub mod inband;
pub mod telephone_event;
