//! One packet thread: its sockets in an epoll, its streams in a slab, its wheel for what is paced.
//!
//! Both legs of a bridge live in the same thread, so the way of a packet knows no lock. What a packet meets is in
//! [`packets`], what is done by the clock in [`pacing`].
//!
//! [`packets`]: crate::thread::packets
//! [`pacing`]: crate::thread::pacing

use std::collections::{HashMap, VecDeque};
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use media_core::rtp::MAX_PACKET;
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};

use crate::conference::rooms::Rooms;
use crate::thread::batch::{Batch, Datagram, TOGETHER};
use crate::thread::clock;
use crate::thread::command::{Command, Inbox};
use crate::thread::context::{Context, Node, Scratch};
use crate::thread::counters::Totals;
use crate::thread::events::Event;
use crate::thread::members::{Member, Members};
use crate::thread::wheel::Wheel;

/// Events taken from the kernel at once.
const BATCH: usize = 256;

pub(super) const RTP: u64 = 0;
pub(super) const RTCP: u64 = 1;
const INBOX: u64 = 2;
const TIMER: u64 = 3;

/// What belongs to one packet thread.
pub(crate) struct PacketThread {
    epoll: OwnedFd,
    pub(super) timer: OwnedFd,
    pub(super) armed_ns: u64,
    inbox: Arc<Inbox>,
    pub(crate) members: Members,
    /// Commands for streams that are on their way here.
    pub(crate) waiting: HashMap<u64, Vec<Command>>,
    pub(crate) rooms: Rooms,
    pub(super) wheel: Wheel,
    pub(super) next_part: (u32, u64),
    pub(super) node: Arc<Node>,
    pub(super) totals: Arc<Totals>,
    pub(super) scratch: Scratch,
    pub(super) datagram: Datagram,
    pub(super) batch: Batch,
    pub(crate) now: u64,
    commands: VecDeque<Command>,
    pub(super) next_token: u64,
    /// The stream that is being worked on: it is to blame for a panic.
    pub(crate) current: Option<u32>,
}

impl PacketThread {
    pub(crate) fn new(
        inbox: Arc<Inbox>,
        node: Arc<Node>,
        totals: Arc<Totals>,
    ) -> rustix::io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let timer = timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK,
        )?;
        let readable = epoll::EventFlags::IN;
        epoll::add(
            &epoll,
            inbox.eventfd(),
            epoll::EventData::new_u64(INBOX),
            readable,
        )?;
        // Edge-triggered: setting it again clears it, so it is never read.
        let edge = readable | epoll::EventFlags::ET;
        epoll::add(&epoll, &timer, epoll::EventData::new_u64(TIMER), edge)?;
        let now = clock::now_ns();
        Ok(Self {
            epoll,
            timer,
            armed_ns: 0,
            inbox,
            members: Members::default(),
            waiting: HashMap::new(),
            rooms: Rooms::default(),
            wheel: Wheel::new(now),
            next_part: (0, now),
            node,
            totals,
            scratch: Scratch::default(),
            datagram: Box::new([0; MAX_PACKET]),
            batch: Batch::default(),
            now,
            commands: VecDeque::new(),
            next_token: 0,
            current: None,
        })
    }

    /// Works until `Command::Shutdown`. A panic costs the stream that it happened in, and no other.
    pub(crate) fn run(mut self) {
        while catch_unwind(AssertUnwindSafe(|| self.serve())).is_err() {
            self.recover();
        }
    }

    fn serve(&mut self) {
        let mut events = Vec::with_capacity(BATCH);
        let (mut arrived, mut due) = (Vec::new(), Vec::new());
        self.work_off();
        loop {
            self.arm();
            events.clear();
            // Only a signal can interrupt, and then there is nothing to do.
            let _ = epoll::wait(&self.epoll, spare_capacity(&mut events), None);
            self.now = clock::now_ns();
            // Deferred commands too: awake for a packet or a tick, the thread need not be woken for them.
            if self.inbox.has_items() || events.iter().any(|event| event.data.u64() == INBOX) {
                self.inbox.drain(&mut arrived);
                self.commands.extend(arrived.drain(..));
            }
            // Commands first: what was configured before a packet came is in force when it is read. An event
            // of a stream that a command has closed finds nothing to read, at worst in another's socket.
            while let Some(command) = self.commands.pop_front() {
                if matches!(command, Command::Shutdown) {
                    return self.shut_down();
                }
                self.dispatch(command);
            }
            for group in events.chunks(TOGETHER) {
                self.work_on(group);
            }
            self.turn_wheel(&mut due);
            self.maintain();
        }
    }

    /// Takes the stream at fault out, and reports it as stalled, so that its call ends.
    fn recover(&mut self) {
        let member = self.current.take().and_then(|index| {
            self.part(index);
            self.dismiss(index)
        });
        if let Some(member) = member {
            self.node.events.complete(Event::Stalled {
                stream: member.id(),
                silence_s: 0.0,
            });
        }
        self.pace_anew();
    }

    /// What a stream works with, and the streams.
    pub(crate) fn split(&mut self) -> (&mut Members, Context<'_>) {
        let context = Context {
            now: self.now,
            node: &self.node,
            totals: &self.totals,
            scratch: &mut self.scratch,
        };
        (&mut self.members, context)
    }

    /// The same, and the rooms.
    pub(crate) fn split_with_rooms(&mut self) -> (&mut Rooms, &mut Members, Context<'_>) {
        let context = Context {
            now: self.now,
            node: &self.node,
            totals: &self.totals,
            scratch: &mut self.scratch,
        };
        (&mut self.rooms, &mut self.members, context)
    }

    /// Takes a stream in and listens to its sockets.
    pub(crate) fn admit(&mut self, member: Member) -> u32 {
        let index = self.members.insert(member);
        if let Some(member) = self.members.get(index) {
            let data = |kind| epoll::EventData::new_u64(u64::from(index) << 2 | kind);
            let (rtp, rtcp) = (member.net().rtp(), member.net().rtcp());
            // Adding fails without kernel memory only: such a stream stays silent, and is reported as stalled.
            let _ = epoll::add(&self.epoll, rtp, data(RTP), epoll::EventFlags::IN);
            let _ = epoll::add(&self.epoll, rtcp, data(RTCP), epoll::EventFlags::IN);
        }
        self.pace(index);
        index
    }

    /// Takes a stream out; its sockets are open still.
    pub(crate) fn dismiss(&mut self, index: u32) -> Option<Member> {
        let mut member = self.members.remove(index)?;
        let _ = epoll::delete(&self.epoll, member.net().rtp());
        let _ = epoll::delete(&self.epoll, member.net().rtcp());
        if let Member::Audio(stream) = &mut member {
            stream.playout.pacing = None;
            stream.taps.set_pacing(None);
        }
        Some(member)
    }
}
