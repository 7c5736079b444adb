//! The classes of the Python module that audio passes through: listening to a stream, and feeding it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use media_core::samples::audio_format::AudioFormat;
use media_core::stream::feed::FeedQueue;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::recording::Direction;
use crate::stream::feeding::{self, Feed};
use crate::stream::listening::{self, FRAME_MS, NewListening, Reader};
use crate::thread::command::{Command, Order};
use crate::thread::shared::{Location, Shared};

/// Marks of one feeding that may be pending.
const MAX_MARKS: usize = 10_000;

fn format(encoding: &str, rate: u32) -> PyResult<AudioFormat> {
    AudioFormat::by_name(encoding, rate).ok_or_else(|| {
        PyValueError::new_err(format!(
            "there is no {encoding} with {rate} samples a second"
        ))
    })
}

/// Where frames of a stream are read.
#[pyclass(frozen, module = "callapi.media._native")]
pub(crate) struct Listening {
    /// Names it in events.
    #[pyo3(get)]
    id: u64,
    reader: Mutex<Reader>,
    location: Arc<Location>,
    shared: Arc<Shared>,
}

impl Listening {
    /// The handle, and what its stream is to begin.
    pub(crate) fn open(
        (location, shared): (&Arc<Location>, &Arc<Shared>),
        track: &str,
        (encoding, rate): (&str, u32),
    ) -> PyResult<(Self, NewListening)> {
        let direction = match track {
            "inbound" => Direction::Received,
            "outbound" => Direction::Sent,
            _ => return Err(PyValueError::new_err(format!("there is no track {track}"))),
        };
        let id = shared.new_id();
        let (new, reader) = listening::open(id, format(encoding, rate)?, direction);
        let handle = Self {
            id,
            reader: Mutex::new(reader),
            location: Arc::clone(location),
            shared: Arc::clone(shared),
        };
        Ok((handle, new))
    }
}

#[pymethods]
impl Listening {
    /// Every frame that waits: its milliseconds since the beginning, and its octets. Once there is none, the next
    /// frame raises an `AudioReady`.
    fn read<'py>(&self, py: Python<'py>) -> PyResult<Vec<(u64, Bound<'py, PyBytes>)>> {
        let mut frames = Vec::new();
        self.reader
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .read(|number, octets| {
                frames.push((number * FRAME_MS, PyBytes::new(py, octets)));
                Ok::<(), PyErr>(())
            })?;
        Ok(frames)
    }

    /// Frames that found no room.
    #[getter]
    fn dropped(&self) -> u64 {
        self.reader
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .dropped()
    }

    /// Ends it, as the end of its stream does.
    fn close(&self) {
        let command = Command::ToStream(self.location.id, Order::StopListening(self.id));
        self.shared.send(&self.location, command);
    }
}

/// Where audio for a stream is written.
#[pyclass(frozen, module = "callapi.media._native")]
pub(crate) struct Feeding {
    /// Names it in events.
    #[pyo3(get)]
    id: u64,
    max_octets: usize,
    ends: Arc<feeding::Shared>,
    location: Arc<Location>,
    shared: Arc<Shared>,
}

impl Feeding {
    /// The handle, and what its stream is to play.
    pub(crate) fn open(
        (location, shared): (&Arc<Location>, &Arc<Shared>),
        (encoding, rate): (&str, u32),
        max_octets: usize,
    ) -> PyResult<(Self, Feed)> {
        let id = shared.new_id();
        let ends = Arc::new(feeding::Shared::default());
        let queue = FeedQueue::new(format(encoding, rate)?);
        let handle = Self {
            id,
            max_octets,
            ends: Arc::clone(&ends),
            location: Arc::clone(location),
            shared: Arc::clone(shared),
        };
        Ok((handle, Feed::new(id, queue, ends)))
    }

    fn order(&self, order: Order) {
        let command = Command::ToStream(self.location.id, order);
        self.shared.send(&self.location, command);
    }
}

/// Adds to a counter unless it would go beyond `limit`.
fn add(counter: &AtomicUsize, amount: usize, limit: usize) -> bool {
    counter
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
            (now + amount <= limit).then_some(now + amount)
        })
        .is_ok()
}

#[pymethods]
impl Feeding {
    /// Queues audio; false if it would be too much, and nothing of it was queued.
    fn write(&self, data: &[u8]) -> bool {
        let fits = add(&self.ends.octets, data.len(), self.max_octets);
        if fits {
            self.order(Order::FeedAudio(self.id, data.to_vec()));
        }
        fits
    }

    /// A `MarkPlayed` comes when everything before has left; false if too many marks are pending.
    fn mark(&self, mark: u64) -> bool {
        let fits = add(&self.ends.marks, 1, MAX_MARKS);
        if fits {
            self.order(Order::FeedMark(self.id, mark));
        }
        fits
    }

    /// While paused there is silence, and what is queued waits.
    fn pause(&self, paused: bool) {
        self.order(Order::FeedPause(self.id, paused));
    }

    /// Drops what is queued.
    fn clear(&self) {
        self.order(Order::FeedClear(self.id));
    }

    /// Drops what is queued, and gives the word back.
    fn close(&self) {
        self.order(Order::FeedClose(self.id));
    }

    /// Octets that are queued.
    #[getter]
    fn queued(&self) -> usize {
        self.ends.octets.load(Ordering::Relaxed)
    }
}
