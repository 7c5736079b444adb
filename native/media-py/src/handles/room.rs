//! The class `Room` of the Python module.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;

use crate::conference::room::{Entry, Part};
use crate::handles::stream::{Prompt, Stream};
use crate::recording::NewRecording;
use crate::stream::format::RecordOptions;
use crate::stream::link::Delay;
use crate::stream::sounds::Sound;
use crate::thread::command::{Command, RoomOrder};
use crate::thread::shared::{Location, Shared};

/// A conference.
#[pyclass(frozen, module = "callapi.media._native")]
pub(crate) struct Room {
    location: Location,
    shared: Arc<Shared>,
}

impl Room {
    pub(crate) fn open(shared: &Arc<Shared>) -> Self {
        Self {
            location: shared.open_room(),
            shared: Arc::clone(shared),
        }
    }

    fn order(&self, order: RoomOrder) {
        let command = Command::ToRoom(self.location.id, order);
        self.shared.send(&self.location, command);
    }
}

#[pymethods]
impl Room {
    /// Names the room in events.
    #[getter]
    fn id(&self) -> u64 {
        self.location.id
    }

    /// Takes a stream in; returns the id of its membership. `coaches` is the only member who hears it, `early` says that
    /// its party has not answered yet, `delay_ms` bounds how long its packets wait.
    fn join(
        &self,
        stream: &Stream,
        muted: bool,
        coaches: Option<u64>,
        early: bool,
        delay_ms: Option<(u32, u32)>,
    ) -> u64 {
        let member = self.shared.new_id();
        let delay = delay_ms.map(|(min_ms, max_ms)| Delay { min_ms, max_ms });
        let order = RoomOrder::Join {
            stream: stream.id(),
            member,
            part: Part { muted, coaches },
            entry: Entry {
                is_early: early,
                delay: delay.unwrap_or_default(),
            },
        };
        self.shared
            .send_to_room(&self.location, stream.location(), order);
        member
    }

    /// Changes how a member takes part.
    fn set_part(&self, stream: &Stream, member: u64, muted: bool, coaches: Option<u64>) {
        self.order(RoomOrder::SetPart {
            stream: stream.id(),
            member,
            part: Part { muted, coaches },
        });
    }

    /// Takes a member out.
    fn leave(&self, stream: &Stream, member: u64) {
        self.order(RoomOrder::Leave {
            stream: stream.id(),
            member,
        });
    }

    /// Plays to all members, `loops` times (0: until it is stopped). Returns the playback's id.
    fn announce(&self, prompt: &Prompt, loops: u32) -> u64 {
        let playback = self.shared.new_id();
        let sound = Sound::prompt(prompt.samples(), loops);
        self.order(RoomOrder::Announce(playback, sound));
        playback
    }

    /// Ends an announcement.
    fn stop(&self, playback: u64) {
        self.order(RoomOrder::StopAnnouncement(playback));
    }

    /// Records all members into `path`. Returns the recording's id.
    fn record(&self, path: PathBuf, options: RecordOptions) -> u64 {
        let recording = self.shared.new_id();
        let options = options.into_tap(recording, path);
        let new = NewRecording::new(options, self.shared.writer());
        self.order(RoomOrder::Record(Box::new(new)));
        recording
    }

    /// Pauses a recording: `None` goes on, `True` leaves the time out, `False` is silence.
    fn pause_recording(&self, recording: u64, skips: Option<bool>) {
        self.order(RoomOrder::PauseRecording(recording, skips));
    }

    /// Ends a recording.
    fn stop_recording(&self, recording: u64) {
        self.order(RoomOrder::StopRecording(recording));
    }

    /// Takes all members out.
    fn close(&self) {
        self.order(RoomOrder::Close);
    }
}
