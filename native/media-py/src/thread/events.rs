//! What happened, on its way to Python.

use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::prelude::*;

use crate::thread::mailbox::Mailbox;

/// Events that may wait for Python before digits and the like are dropped. What a command waits for (the end of
/// a playback or recording) is never dropped: there is one for each command.
const BOUND: usize = 100_000;

/// One event; `stream` is the id that `open_stream` gave.
#[pyclass(frozen, module = "callapi.media._native")]
#[derive(Debug)]
pub(crate) enum Event {
    /// A digit was received.
    Digit {
        stream: u64,
        digit: char,
        inband: bool,
    },
    /// A prompt, tone or row of digits is over.
    PlaybackEnded {
        stream: u64,
        playback: u64,
        finished: bool,
    },
    /// A listening that was read empty has a frame again.
    AudioReady { stream: u64, listening: u64 },
    /// A mark of a feeding is over; `cleared`: not everything before it has left.
    MarkPlayed {
        stream: u64,
        feeding: u64,
        mark: u64,
        cleared: bool,
    },
    /// A member of a room begins to speak, or has ceased to.
    MemberSpeaks {
        room: u64,
        member: u64,
        speaks: bool,
    },
    /// A source was learned.
    FirstPacket {
        stream: u64,
        host: String,
        port: u16,
    },
    /// The party sends another of the formats that were agreed on; once for each agreement.
    FormatUsed { stream: u64, payload_type: u8 },
    /// Nothing came since the stream was bridged.
    NothingHeard { stream: u64, seconds: f64 },
    /// Nothing came for long.
    Stalled { stream: u64, silence_s: f64 },
    /// The keys of a handshake are in force.
    Secured { stream: u64, suite: String },
    /// The stream cannot live: ICE or DTLS failed, or ICE's consent was lost.
    SecurityFailed { stream: u64, reason: String },
    /// A recording is whole, or failed.
    RecordingEnded {
        stream: u64,
        recording: u64,
        cause: String,
        duration_ms: u64,
        digit: Option<char>,
        is_silent: bool,
        error: Option<String>,
    },
}

/// Where events go.
pub(crate) struct EventSink {
    mailbox: Mailbox<Event>,
    lost: AtomicU64,
}

impl EventSink {
    pub(crate) fn new() -> rustix::io::Result<Self> {
        Ok(Self {
            mailbox: Mailbox::new()?,
            lost: AtomicU64::new(0),
        })
    }

    /// Readable while events wait.
    pub(crate) fn eventfd(&self) -> BorrowedFd<'_> {
        self.mailbox.eventfd()
    }

    /// For events that come from outside, in any number.
    pub(crate) fn publish(&self, event: Event) {
        if !self.mailbox.put_bounded(event, BOUND) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// For events of which there is one for each command.
    pub(crate) fn complete(&self, event: Event) {
        self.mailbox.put(event);
    }

    /// Everything that waits.
    pub(crate) fn drain(&self) -> Vec<Event> {
        let mut events = Vec::new();
        self.mailbox.drain(&mut events);
        events
    }

    /// How many found no room.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

pub(crate) fn first_packet(stream: u64, source: SocketAddr) -> Event {
    Event::FirstPacket {
        stream,
        host: source.ip().to_string(),
        port: source.port(),
    }
}
