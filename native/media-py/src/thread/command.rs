//! What Python asks of a packet thread. Each command goes to the thread that holds the stream.

use std::sync::Arc;

use media_core::dtmf::telephone_event::DtmfSender;

use crate::conference::room::{Entry, Part};
use crate::net::Remote;
use crate::net::shared_port::Arrived;
use crate::recording::NewRecording;
use crate::secure::handshakes::Progress;
use crate::stream::feeding::Feed;
use crate::stream::format::{Format, VideoFormats};
use crate::stream::listening::NewListening;
use crate::stream::sounds::Sound;
use crate::thread::mailbox::Mailbox;
use crate::thread::members::Member;

/// Where a packet thread finds its commands.
pub(crate) type Inbox = Mailbox<Command>;

/// One command.
pub(crate) enum Command {
    /// A new stream, or one that another thread hands over.
    Admit(Member),
    /// That stream is on its way from another thread: commands for it wait until it is here.
    Expect(u64),
    /// Give the stream to another thread.
    HandOver(u64, Arc<Inbox>),
    /// For one stream.
    ToStream(u64, Order),
    /// Join two streams, both of which are (or will be) here.
    Bridge(u64, u64),
    /// Part two streams, if they are joined still.
    Unbridge(u64, u64),
    /// A new room, which lives here until it is closed.
    OpenRoom(u64),
    /// For one room.
    ToRoom(u64, RoomOrder),
    /// Close everything and end the thread.
    Shutdown,
}

/// What is asked of one stream.
pub(crate) enum Order {
    Configure(Remote, Format),
    ConfigureVideo(Remote, VideoFormats),
    Play(u64, Sound),
    SendDigits(u64, DtmfSender),
    Stop(u64),
    Mute(bool),
    Record(Box<NewRecording>),
    /// `None` goes on, `Some(true)` leaves the time out.
    PauseRecording(u64, Option<bool>),
    StopRecording(u64),
    Listen(Box<NewListening>),
    StopListening(u64),
    Feed(Box<Feed>),
    FeedAudio(u64, Vec<u8>),
    FeedMark(u64, u64),
    FeedPause(u64, bool),
    FeedClear(u64),
    FeedClose(u64),
    /// What came to the shared port for it.
    Datagram(Box<Arrived>),
    /// What the handshake thread has for it.
    Handshake(Box<Progress>),
    Close,
}

impl Command {
    /// The streams that must be here for it.
    pub(crate) fn subjects(&self) -> [Option<u64>; 2] {
        match self {
            Self::HandOver(id, _) | Self::ToStream(id, _) => [Some(*id), None],
            Self::Bridge(one, other) | Self::Unbridge(one, other) => [Some(*one), Some(*other)],
            Self::ToRoom(
                _,
                RoomOrder::Join { stream, .. }
                | RoomOrder::SetPart { stream, .. }
                | RoomOrder::Leave { stream, .. },
            ) => [Some(*stream), None],
            Self::Admit(_)
            | Self::Expect(_)
            | Self::OpenRoom(_)
            | Self::ToRoom(..)
            | Self::Shutdown => [None, None],
        }
    }
}

/// What is asked of one room. What is about a member names its stream, which may be on its way still.
pub(crate) enum RoomOrder {
    Join {
        stream: u64,
        member: u64,
        part: Part,
        entry: Entry,
    },
    SetPart {
        stream: u64,
        member: u64,
        part: Part,
    },
    Leave {
        stream: u64,
        member: u64,
    },
    Announce(u64, Sound),
    StopAnnouncement(u64),
    Record(Box<NewRecording>),
    /// As `Order::PauseRecording`.
    PauseRecording(u64, Option<bool>),
    StopRecording(u64),
    Close,
}
