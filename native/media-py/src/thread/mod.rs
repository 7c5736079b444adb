//! The packet thread and what surrounds it: commands in, events out, timers, counters, clocks.

pub(crate) mod clock;
pub(crate) mod command;
pub(crate) mod context;
pub(crate) mod counters;
pub(crate) mod dispatch;
pub(crate) mod events;
pub(crate) mod mailbox;
pub(crate) mod members;
pub(crate) mod packet_thread;
#[cfg(test)]
mod packet_thread_tests;
pub(crate) mod shared;
pub(crate) mod wheel;
