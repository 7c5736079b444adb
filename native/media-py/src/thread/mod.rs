//! The packet thread and what surrounds it: commands in, events out, timers, counters, clocks.

mod batch;
pub(crate) mod clock;
pub(crate) mod command;
pub(crate) mod context;
pub(crate) mod counters;
pub(crate) mod dispatch;
pub(crate) mod events;
pub(crate) mod mailbox;
pub(crate) mod members;
mod pacing;
pub(crate) mod packet_thread;
#[cfg(test)]
mod packet_thread_tests;
mod packets;
pub(crate) mod prefetch;
pub(crate) mod shared;
pub(crate) mod wheel;
