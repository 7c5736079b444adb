//! The media plane as Python sees it: opens streams, bridges them, hands events up.

use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::audio::{AudioStream, Node};
use crate::clock::{self, SECOND};
use crate::command::{Command, Inbox};
use crate::counters::{Counters, Totals};
use crate::events::{Event, EventSink};
use crate::handles::{PlaneStatistics, Stream};
use crate::lane::Lane;
use crate::members::Member;
use crate::net::Net;
use crate::ports::PortPool;
use crate::recording::{ToWriter, Writers};
use crate::video::VideoStream;

/// A packet thread, seen from outside.
struct Thread {
    inbox: Arc<Inbox>,
    totals: Arc<Totals>,
}

/// What the handles of Python share.
pub(crate) struct Shared {
    threads: Vec<Thread>,
    /// How many streams each thread holds. Locked while a command is sent, so that none overtakes a hand-over.
    loads: Mutex<Vec<usize>>,
    next_id: AtomicU64,
    writer: Mutex<Sender<ToWriter>>,
    pub(crate) node: Arc<Node>,
}

impl Shared {
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

    /// Sends a command to the thread that holds `stream`; as all commands, it is obeyed after the next `ring`.
    pub(crate) fn send(&self, stream: &Stream, command: Command) {
        let _loads = self.lock();
        self.threads[stream.thread()].inbox.put_quietly(command);
    }

    /// Sends the last command of a stream.
    pub(crate) fn send_last(&self, stream: &Stream, command: Command) {
        let mut loads = self.lock();
        loads[stream.thread()] -= 1;
        self.threads[stream.thread()].inbox.put_quietly(command);
    }

    /// Has the threads obey what they were sent.
    fn ring(&self) {
        for thread in &self.threads {
            thread.inbox.ring();
        }
    }

    /// Puts both streams into one thread, the less busy one of theirs, and joins them there.
    fn bridge(&self, one: &Stream, other: &Stream) {
        let mut loads = self.lock();
        if one.thread() != other.thread() {
            let (stays, moves) = if loads[one.thread()] <= loads[other.thread()] {
                (one, other)
            } else {
                (other, one)
            };
            let (old, new) = (moves.thread(), stays.thread());
            let inbox = &self.threads[new].inbox;
            inbox.put_quietly(Command::Expect(moves.id));
            self.threads[old]
                .inbox
                .put_quietly(Command::HandOver(moves.id, Arc::clone(inbox)));
            moves.set_thread(new);
            loads[old] -= 1;
            loads[new] += 1;
        }
        self.threads[one.thread()]
            .inbox
            .put_quietly(Command::Bridge(one.id, other.id));
    }

    /// Gives a new stream to the least busy thread; returns which.
    fn admit(&self, member: Member) -> usize {
        let mut loads = self.lock();
        let thread = (0..loads.len())
            .min_by_key(|index| loads[*index])
            .unwrap_or(0);
        loads[thread] += 1;
        self.threads[thread]
            .inbox
            .put_quietly(Command::Admit(member));
        thread
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<usize>> {
        self.loads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Threads to wait for when the plane is closed.
#[derive(Default)]
struct Running {
    lanes: Vec<JoinHandle<()>>,
    writers: Option<Writers>,
}

/// All media of one node.
#[pyclass(frozen, module = "callapi.media._native")]
pub(crate) struct Plane {
    shared: Arc<Shared>,
    ports: Arc<PortPool>,
    running: Mutex<Running>,
    /// Of the packet threads, as the system numbers them.
    #[pyo3(get)]
    thread_ids: Vec<i32>,
}

#[pymethods]
impl Plane {
    /// Starts `threads` packet threads (0: one for each core) for RTP on `address`, even ports from `first_port`.
    #[new]
    fn new(
        address: &str,
        first_port: u16,
        last_port: u16,
        threads: usize,
        timeout_s: f64,
        cname: String,
    ) -> PyResult<Self> {
        let address: IpAddr = address
            .parse()
            .map_err(|_| PyValueError::new_err(format!("{address} is no IP address")))?;
        allow_many_sockets();
        let node = Arc::new(Node {
            events: EventSink::new().map_err(std::io::Error::from)?,
            timeout_ns: (timeout_s * SECOND as f64) as u64,
            cname,
        });
        let count = match threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            wanted => wanted,
        };
        let mut threads = Vec::new();
        let mut running = Vec::new();
        let (started, ids) = channel();
        for index in 0..count {
            let inbox = Arc::new(Inbox::new().map_err(std::io::Error::from)?);
            let totals = Arc::new(Totals::default());
            let lane = Lane::new(Arc::clone(&inbox), Arc::clone(&node), Arc::clone(&totals))
                .map_err(std::io::Error::from)?;
            let builder = std::thread::Builder::new().name(format!("media-{index}"));
            let started = started.clone();
            let run = move || {
                let _ = started.send(rustix::thread::gettid().as_raw_nonzero().get());
                lane.run();
            };
            running.push(builder.spawn(run)?);
            threads.push(Thread { inbox, totals });
        }
        let writers = Writers::start(&node)?;
        let shared = Shared {
            writer: Mutex::new(writers.sender()),
            loads: Mutex::new(vec![0; threads.len()]),
            threads,
            next_id: AtomicU64::new(1),
            node,
        };
        Ok(Self {
            shared: Arc::new(shared),
            ports: PortPool::new(address, first_port, last_port),
            running: Mutex::new(Running {
                lanes: running,
                writers: Some(writers),
            }),
            thread_ids: ids.iter().take(count).collect(),
        })
    }

    /// Readable while events wait.
    #[getter]
    fn event_fd(&self) -> i32 {
        self.shared.node.events.bell().as_raw_fd()
    }

    /// Everything that happened since the last call.
    fn take_events(&self) -> Vec<Event> {
        self.shared.node.events.take()
    }

    /// A new audio stream. Raises `OSError` if every port is taken, or no more sockets may be opened.
    fn open_stream(&self) -> PyResult<Stream> {
        self.open(|id, net, counters| {
            let mut random = [0; 16];
            // Never fails for so few octets once the system is up.
            let _ = rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty());
            let random = u128::from_ne_bytes(random);
            let random = [random as u64, (random >> 64) as u64];
            Member::Audio(Box::new(AudioStream::new(
                id,
                net,
                counters,
                random,
                clock::now_ns(),
            )))
        })
    }

    /// A new video stream. Raises as `open_stream`.
    fn open_video(&self) -> PyResult<Stream> {
        self.open(|id, net, counters| Member::Video(Box::new(VideoStream::new(id, net, counters))))
    }

    /// Joins two streams of a kind; a former bridge of either ends.
    fn bridge(&self, one: &Stream, other: &Stream) -> PyResult<()> {
        if one.id == other.id {
            return Err(PyValueError::new_err(
                "a stream cannot be bridged with itself",
            ));
        }
        if one.is_closed() || other.is_closed() {
            return Err(PyValueError::new_err("a closed stream cannot be bridged"));
        }
        self.shared.bridge(one, other);
        Ok(())
    }

    /// Parts two streams, if they are joined.
    fn unbridge(&self, one: &Stream, other: &Stream) {
        self.shared.send(one, Command::Unbridge(one.id, other.id));
    }

    /// Has the packet threads obey all commands since the last `ring`, in their order.
    fn ring(&self) {
        self.shared.ring();
    }

    /// Totals of all threads, ports, and lost events.
    fn statistics(&self) -> PlaneStatistics {
        let sum = |of: fn(&Totals) -> u64| {
            self.shared
                .threads
                .iter()
                .map(|each| of(&each.totals))
                .sum()
        };
        let (ports_free, ports) = self.ports.counts();
        PlaneStatistics {
            threads: self.shared.threads.len(),
            ports_free,
            ports_in_use: ports - ports_free,
            packets_received: sum(|totals| totals.received.get()),
            packets_sent: sum(|totals| totals.sent.get()),
            packets_dropped: sum(|totals| totals.dropped.get()),
            events_lost: self.shared.node.events.lost(),
        }
    }

    /// Closes every stream and ends the threads. Events of the end can be taken afterwards.
    fn close(&self, py: Python<'_>) {
        let running =
            std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        py.detach(|| {
            if !running.lanes.is_empty() {
                for thread in &self.shared.threads {
                    thread.inbox.put(Command::Shutdown);
                }
            }
            for thread in running.lanes {
                // A thread that panicked has said so on stderr.
                let _ = thread.join();
            }
            // After the lanes, which end all recordings.
            if let Some(writers) = running.writers {
                writers.close();
            }
        });
    }
}

impl Plane {
    fn open(&self, member: impl FnOnce(u64, Net, Arc<Counters>) -> Member) -> PyResult<Stream> {
        let sockets = self.ports.open()?;
        let (port, id) = (sockets.port(), self.shared.new_id());
        let counters = Arc::new(Counters::default());
        let member = member(id, Net::new(sockets), Arc::clone(&counters));
        let thread = self.shared.admit(member);
        Ok(Stream::new(
            id,
            port,
            thread,
            counters,
            Arc::clone(&self.shared),
        ))
    }
}

/// Two sockets for each stream: takes as many files as the system allows.
fn allow_many_sockets() {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // Refused only if the maximum is beyond what the kernel can: then what we have must do.
    let _ = setrlimit(Resource::Nofile, most);
}
