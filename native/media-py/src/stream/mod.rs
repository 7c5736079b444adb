//! One leg: what is heard from the party, what is sent to it, who taps it, and the video beside it.

pub(crate) mod audio;
pub(crate) mod control;
pub(crate) mod feeding;
pub(crate) mod format;
pub(crate) mod inband_dtmf;
pub(crate) mod link;
pub(crate) mod listening;
pub(crate) mod playout;
pub(crate) mod receiving;
pub(crate) mod sending;
pub(crate) mod sounds;
pub(crate) mod taps;
pub(crate) mod turning;
pub(crate) mod video;
pub(crate) mod watch;
