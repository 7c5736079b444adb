//! RTP and RTCP (RFC 3550): packets, what a receiver and a sender know, the order of arrival, whose packets count.

mod packet;

pub mod demux;
pub mod jitter;
pub mod latch;
pub mod mos;
pub mod reception;
pub mod rtcp;
pub mod sender;

pub use packet::{
    HEADER, Header, MAX_PACKET, Packet, Place, parse, payload_start, rewrite, ticks, write,
};
