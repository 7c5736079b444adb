//! The packet threads as the handles of Python see them: which thread holds which stream, and how commands reach it.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::recording::ToWriter;
use crate::thread::command::{Command, Inbox, RoomOrder};
use crate::thread::context::Node;
use crate::thread::counters::Totals;
use crate::thread::members::Member;

/// A stream's id, and the packet thread that holds it.
#[derive(Debug)]
pub(crate) struct Location {
    pub(crate) id: u64,
    thread: AtomicUsize,
}

impl Location {
    fn thread(&self) -> usize {
        self.thread.load(Ordering::Relaxed)
    }

    fn set_thread(&self, thread: usize) {
        self.thread.store(thread, Ordering::Relaxed);
    }
}

/// A packet thread, seen from outside.
pub(crate) struct Thread {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) totals: Arc<Totals>,
}

/// What the handles of Python share.
pub(crate) struct Shared {
    pub(crate) threads: Vec<Thread>,
    /// How many streams each thread holds. Locked while a command is sent, so that none overtakes a hand-over.
    loads: Mutex<Vec<usize>>,
    next_id: AtomicU64,
    writer: Mutex<Sender<ToWriter>>,
    pub(crate) node: Arc<Node>,
}

impl Shared {
    pub(crate) fn new(threads: Vec<Thread>, writer: Sender<ToWriter>, node: Arc<Node>) -> Self {
        Self {
            loads: Mutex::new(vec![0; threads.len()]),
            threads,
            next_id: AtomicU64::new(1),
            writer: Mutex::new(writer),
            node,
        }
    }

    /// A fresh id of a stream, playback or recording.
    pub(crate) fn new_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Where recordings are announced.
    pub(crate) fn writer(&self) -> Sender<ToWriter> {
        self.writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Sends a command to the thread that holds `stream`; as all commands, it is carried out after the next `wake`,
    /// or before, if the thread is awake for something else.
    pub(crate) fn send(&self, stream: &Location, command: Command) {
        let _loads = self.lock();
        self.threads[stream.thread()].inbox.put_deferred(command);
    }

    /// The same, carried out at once: for what does not come from Python, whose turn of the loop ends with `wake`.
    pub(crate) fn send_now(&self, stream: &Location, command: Command) {
        let _loads = self.lock();
        self.threads[stream.thread()].inbox.put(command);
    }

    /// Sends the last command of a stream.
    pub(crate) fn send_last(&self, stream: &Location, command: Command) {
        let mut loads = self.lock();
        loads[stream.thread()] -= 1;
        self.threads[stream.thread()].inbox.put_deferred(command);
    }

    /// Has the threads carry out what they were sent.
    pub(crate) fn wake(&self) {
        for thread in &self.threads {
            thread.inbox.wake();
        }
    }

    /// Puts both streams into one thread, the less busy one of theirs, and joins them there.
    pub(crate) fn bridge(&self, one: &Location, other: &Location) {
        let mut loads = self.lock();
        if one.thread() != other.thread() {
            let (stays, moves) = if loads[one.thread()] <= loads[other.thread()] {
                (one, other)
            } else {
                (other, one)
            };
            self.hand_over(moves, stays.thread(), &mut loads);
        }
        self.threads[one.thread()]
            .inbox
            .put_deferred(Command::Bridge(one.id, other.id));
    }

    /// Opens a room in the least busy thread; returns where it is.
    pub(crate) fn open_room(&self) -> Location {
        let id = self.new_id();
        let loads = self.lock();
        let thread = least(&loads);
        self.threads[thread]
            .inbox
            .put_deferred(Command::OpenRoom(id));
        Location {
            id,
            thread: AtomicUsize::new(thread),
        }
    }

    /// Brings a stream to a room's thread, and has it carry out `order` there.
    pub(crate) fn send_to_room(&self, room: &Location, stream: &Location, order: RoomOrder) {
        let mut loads = self.lock();
        if stream.thread() != room.thread() {
            self.hand_over(stream, room.thread(), &mut loads);
        }
        self.threads[room.thread()]
            .inbox
            .put_deferred(Command::ToRoom(room.id, order));
    }

    /// Gives the new stream with this id to the least busy thread; returns where it is.
    pub(crate) fn admit(&self, id: u64, member: Member) -> Location {
        let mut loads = self.lock();
        let thread = least(&loads);
        loads[thread] += 1;
        self.threads[thread]
            .inbox
            .put_deferred(Command::Admit(member));
        Location {
            id,
            thread: AtomicUsize::new(thread),
        }
    }

    fn hand_over(&self, stream: &Location, new: usize, loads: &mut [usize]) {
        let old = stream.thread();
        let inbox = &self.threads[new].inbox;
        inbox.put_deferred(Command::Expect(stream.id));
        self.threads[old]
            .inbox
            .put_deferred(Command::HandOver(stream.id, Arc::clone(inbox)));
        stream.set_thread(new);
        loads[old] -= 1;
        loads[new] += 1;
    }

    fn lock(&self) -> MutexGuard<'_, Vec<usize>> {
        self.loads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The least busy thread.
fn least(loads: &[usize]) -> usize {
    (0..loads.len())
        .min_by_key(|index| loads[*index])
        .unwrap_or(0)
}
