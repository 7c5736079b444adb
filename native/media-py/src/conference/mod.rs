//! Conferences: rooms that mix what their members say, all on one packet thread.

pub(crate) mod dispatch;
pub(crate) mod room;
pub(crate) mod rooms;
