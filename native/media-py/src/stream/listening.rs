//! One application's ear on a stream: packets of one direction in, a frame every 20 ms into a ring that Python reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};

use media_core::codec::codecs;
use media_core::rtp::Place;
use media_core::samples::audio_format::AudioFormat;
use media_core::stream::hearing::Coding;
use media_core::stream::listen::{Listener, Spoken};
use rtrb::{Consumer, Producer, RingBuffer};

use crate::recording::Direction;
use crate::thread::clock::{MS, SECOND};
use crate::thread::events::{Event, EventSink};

/// Between two frames.
pub(crate) const FRAME_MS: u64 = 20;
/// The ring holds a second, but no more octets than this.
const MAX_RING: usize = 64 * 1024;
/// Before each frame's octets: its number.
const NUMBER: usize = 8;
/// Frames that a thread which stood still makes up for at once; more are left out, as if the ring were full.
const MAX_LATE: u64 = 50;
/// What a party's packets may be missing before there is silence.
const CONCEAL_RECEIVED_MS: u32 = 200;
/// Frames over which a packet's wait is watched.
const WATCHED: u32 = 50;
/// A packet waits at least so long for its frame, so that one that comes a little late is not missed; with jitter longer.
const MARGIN_MS: u64 = 4;
/// Frames are made sooner by no more than this at once.
const MAX_SPARE_MS: u64 = 16;
/// What is sooner by less than this stays where it is.
const MIN_SPARE_MS: u64 = 2;
/// The same for what is sent: when it stops, it has ended.
const CONCEAL_SENT_MS: u32 = 40;

/// What both ends share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    dropped: AtomicU64,
    /// The reader has found nothing and wants to hear of the next frame.
    is_waiting: AtomicBool,
}

/// A listening that has not begun, with everything that needs memory.
pub(crate) struct NewListening {
    pub(crate) id: u64,
    direction: Direction,
    listener: Listener,
    producer: Producer<u8>,
    shared: Arc<Shared>,
}

/// Python's end.
pub(crate) struct Reader {
    ring: Consumer<u8>,
    frame_octets: usize,
    shared: Arc<Shared>,
}

/// Makes both ends.
pub(crate) fn open(id: u64, format: AudioFormat, direction: Direction) -> (NewListening, Reader) {
    let entry = format.frame_octets() + NUMBER;
    let frames = (MAX_RING / entry).min((SECOND / MS / FRAME_MS) as usize);
    let (producer, ring) = RingBuffer::new(frames * entry);
    let shared = Arc::new(Shared {
        dropped: AtomicU64::new(0),
        is_waiting: AtomicBool::new(true),
    });
    let conceal_ms = match direction {
        Direction::Received => CONCEAL_RECEIVED_MS,
        Direction::Sent => CONCEAL_SENT_MS,
    };
    let new = NewListening {
        id,
        direction,
        listener: Listener::new(format, conceal_ms),
        producer,
        shared: Arc::clone(&shared),
    };
    let reader = Reader {
        ring,
        frame_octets: format.frame_octets(),
        shared,
    };
    (new, reader)
}

impl NewListening {
    /// Begins with the next frame that is made.
    pub(crate) fn begin(mut self, received: Option<&Coding>, sent: Option<&Coding>) -> Listening {
        let coding = match self.direction {
            Direction::Received => received,
            Direction::Sent => sent,
        };
        if let Some(coding) = coding {
            set_codec(&mut self.listener, coding);
        }
        Listening {
            id: self.id,
            direction: self.direction,
            listener: self.listener,
            producer: self.producer,
            shared: self.shared,
            start_ns: None,
            made: 0,
            watched: 0,
            least_wait_ns: u64::MAX,
        }
    }
}

/// The packet thread's end.
pub(crate) struct Listening {
    pub(crate) id: u64,
    direction: Direction,
    listener: Listener,
    producer: Producer<u8>,
    shared: Arc<Shared>,
    start_ns: Option<u64>,
    /// Frames so far, dropped ones included.
    made: u64,
    /// Frames since the wait of their packets is watched, and the least of it.
    watched: u32,
    least_wait_ns: u64,
}

impl Listening {
    /// Whether the reader is gone.
    pub(crate) fn is_over(&self) -> bool {
        self.producer.is_abandoned()
    }

    pub(crate) fn packet(&mut self, direction: Direction, place: Place, payload: &[u8], now: u64) {
        if direction == self.direction {
            self.listener.insert(place, payload, now);
        }
    }

    /// A packet of a digit.
    pub(crate) fn skip(&mut self, direction: Direction, place: Place) {
        if direction == self.direction {
            self.listener.skip(place);
        }
    }

    /// What goes this way is of another codec from now on.
    pub(crate) fn set_codec(&mut self, direction: Direction, coding: &Coding) {
        if direction == self.direction {
            set_codec(&mut self.listener, coding);
        }
    }

    /// By how many milliseconds frames can be made sooner without missing a packet; most of the time 0.
    pub(crate) fn spare_ms(&self) -> u64 {
        if self.watched < WATCHED {
            return 0;
        }
        let margin_ms = MARGIN_MS + 2 * u64::from(self.listener.jitter_ms());
        let spare_ms = (self.least_wait_ns / MS).saturating_sub(margin_ms);
        if spare_ms < MIN_SPARE_MS {
            return 0;
        }
        spare_ms.min(MAX_SPARE_MS)
    }

    /// From now on frames are made sooner.
    pub(crate) fn make_sooner(&mut self, by_ms: u64) {
        self.start_ns = self.start_ns.map(|start| start.saturating_sub(by_ms * MS));
        self.watched = 0;
    }

    /// How long the packet of the frame that is made now has waited.
    fn watch(&mut self, now: u64) {
        if self.watched == WATCHED {
            self.watched = 0;
        }
        if self.watched == 0 {
            self.least_wait_ns = u64::MAX;
        }
        self.watched += 1;
        if let Some(wait) = self.listener.wait_ns(now) {
            self.least_wait_ns = self.least_wait_ns.min(wait);
        }
    }

    /// Makes the frames that are due; nearly always it is one.
    pub(crate) fn make(
        &mut self,
        stream: u64,
        (now, events): (u64, &EventSink),
        frame: &mut Vec<u8>,
    ) {
        let start = *self.start_ns.get_or_insert(now);
        // Half a frame of tolerance: the wheel is exact to a millisecond, the thread is not.
        let due = (now.saturating_sub(start) + FRAME_MS * MS / 2) / (FRAME_MS * MS) + 1;
        let late = due.saturating_sub(self.made);
        if late > MAX_LATE {
            self.made += late - MAX_LATE;
            self.shared
                .dropped
                .fetch_add(late - MAX_LATE, Ordering::Relaxed);
        }
        self.watch(now);
        while self.made < due {
            frame.clear();
            frame.extend(self.made.to_ne_bytes());
            self.listener.frame(frame);
            self.made += 1;
            if self.producer.push_entire_slice(frame).is_err() {
                self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        // Orders the frame before the look at the flag, as the reader orders its flag before its look at the ring.
        fence(Ordering::SeqCst);
        if self.shared.is_waiting.swap(false, Ordering::Relaxed) {
            let listening = self.id;
            events.complete(Event::AudioReady { stream, listening });
        }
    }
}

impl Reader {
    /// Calls `each` with the number and the octets of every frame that waits. Once nothing does, the next frame
    /// raises `AudioReady`.
    pub(crate) fn read<E>(
        &mut self,
        mut each: impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut entry = vec![0; NUMBER + self.frame_octets];
        loop {
            while self.ring.pop_entire_slice(&mut entry).is_ok() {
                let number = entry[..NUMBER].try_into().map_or(0, u64::from_ne_bytes);
                each(number, &entry[NUMBER..])?;
            }
            self.shared.is_waiting.store(true, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            let is_empty = self.ring.slots() < entry.len();
            if is_empty || !self.shared.is_waiting.swap(false, Ordering::Relaxed) {
                return Ok(());
            }
        }
    }

    /// Frames that found no room.
    pub(crate) fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }
}

fn set_codec(listener: &mut Listener, coding: &Coding) {
    // Formats are checked when they come from Python.
    if let Ok((_, decoder)) = codecs::open(&coding.codec, &coding.fmtp) {
        listener.set_codec(Spoken {
            decoder,
            clock_rate: coding.clock_rate,
            ptime_ms: coding.ptime_ms,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reader: &mut Reader) -> Vec<u64> {
        let mut numbers = Vec::new();
        let result: Result<(), ()> = reader.read(|number, octets| {
            assert_eq!(octets.len(), 160);
            numbers.push(number);
            Ok(())
        });
        assert_eq!(result, Ok(()));
        numbers
    }

    #[test]
    fn the_reader_hears_of_the_first_frame_only_until_it_has_read_all() {
        let events = EventSink::new().unwrap();
        let format = AudioFormat::by_name("PCMU", 8000).unwrap();
        let (new, mut reader) = open(9, format, Direction::Received);
        let mut listening = new.begin(None, None);
        let mut frame = Vec::new();
        for tick in 0..3 {
            listening.make(1, (tick * FRAME_MS * MS, &events), &mut frame);
        }
        assert_eq!(events.drain().len(), 1);
        assert_eq!(read(&mut reader), [0, 1, 2]);
        listening.make(1, (3 * FRAME_MS * MS, &events), &mut frame);
        assert!(matches!(
            events.drain()[..],
            [Event::AudioReady {
                stream: 1,
                listening: 9
            }]
        ));
    }

    #[test]
    fn frames_are_made_as_soon_as_their_packets_allow() {
        let events = EventSink::new().unwrap();
        let format = AudioFormat::by_name("PCMU", 8000).unwrap();
        let (new, mut reader) = open(9, format, Direction::Received);
        let spoken = Coding {
            number: 0,
            codec: "PCMU".to_owned(),
            fmtp: String::new(),
            clock_rate: 8000,
            ptime_ms: 20,
        };
        let mut listening = new.begin(Some(&spoken), None);
        let (mut frame, mut spares, mut at) = (Vec::new(), Vec::new(), 15 * MS);
        for number in 0..200u16 {
            let place = Place {
                ssrc: 1,
                sequence: number,
                timestamp: u32::from(number) * 160,
            };
            let arrives = u64::from(number) * FRAME_MS * MS;
            listening.packet(Direction::Received, place, &[0x55; 160], arrives);
            listening.make(1, (at, &events), &mut frame);
            at += FRAME_MS * MS;
            let spare = listening.spare_ms();
            if spare > 0 {
                listening.make_sooner(spare);
                spares.push((number, spare));
                at -= spare * MS;
            }
            assert_eq!(read(&mut reader), [u64::from(number)]);
        }
        assert_eq!(spares, [(49, 11)]);
    }

    #[test]
    fn a_full_ring_drops_and_a_late_thread_makes_up() {
        let events = EventSink::new().unwrap();
        let format = AudioFormat::by_name("PCMU", 8000).unwrap();
        let (new, mut reader) = open(9, format, Direction::Received);
        let mut listening = new.begin(None, None);
        let mut frame = Vec::new();
        listening.make(1, (0, &events), &mut frame);
        listening.make(1, (400 * MS, &events), &mut frame);
        assert_eq!(read(&mut reader), (0..21).collect::<Vec<_>>());
        for tick in 21..121 {
            listening.make(1, (tick * FRAME_MS * MS, &events), &mut frame);
        }
        assert_eq!(reader.dropped(), 50);
        assert_eq!(read(&mut reader), (21..71).collect::<Vec<_>>());
        // Five seconds of standstill: the ring's worth is made up for, the rest is left out.
        listening.make(1, (5000 * MS + 120 * FRAME_MS * MS, &events), &mut frame);
        let numbers = read(&mut reader);
        assert_eq!(numbers.first(), Some(&(121 + 200)));
        assert_eq!(numbers.len(), 50);
    }
}
