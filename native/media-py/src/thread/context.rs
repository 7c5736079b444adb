//! What the streams of a packet thread share: the time, the node's settings, counters and scratch buffers.

use crate::net::shared_port::MaybeShared;
use crate::secure::handshakes::Request;
use crate::thread::counters::Totals;
use crate::thread::events::EventSink;
use crate::thread::mailbox::Mailbox;

/// What every stream of a thread works with.
pub(crate) struct Context<'a> {
    pub(crate) now: u64,
    pub(crate) node: &'a Node,
    pub(crate) totals: &'a Totals,
    pub(crate) scratch: &'a mut Scratch,
}

/// What all threads share.
pub(crate) struct Node {
    pub(crate) events: EventSink,
    /// Silence after which a stream is reported as stalled.
    pub(crate) timeout_ns: u64,
    /// Names this node in RTCP.
    pub(crate) cname: String,
    /// The one port of all legs with ICE; `None`: each has its own.
    pub(crate) shared_port: MaybeShared,
    /// What the handshake thread is asked.
    pub(crate) handshakes: Mailbox<Request>,
}

/// Buffers that keep their capacity from packet to packet.
#[derive(Default)]
pub(crate) struct Scratch {
    pub(crate) packet: Vec<u8>,
    pub(crate) pcm: Vec<i16>,
}
