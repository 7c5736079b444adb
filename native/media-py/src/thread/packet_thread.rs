//! One packet thread: its sockets in an epoll, its streams in a slab, its wheel for what is paced.
//!
//! Both legs of a bridge live in the same thread, so the way of a packet knows no lock. One timer (absolute, so
//! that nothing drifts) wakes the thread for the wheel and for maintenance; each stream is looked after four
//! times a second.

use std::collections::{HashMap, VecDeque};
use std::hint::black_box;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use media_core::rtp::MAX_PACKET;
use media_core::rtp::demux::{Protocol, classify};
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};

use crate::conference::rooms::Rooms;
use crate::net::Received;
use crate::net::shared_port::Arrived;
use crate::stream::audio::AudioStream;
use crate::stream::listening::FRAME_MS;
use crate::stream::receiving::Heard;
use crate::thread::clock::{self, MS};
use crate::thread::command::{Command, Inbox};
use crate::thread::context::{Context, Node, Scratch};
use crate::thread::counters::Totals;
use crate::thread::events::Event;
use crate::thread::members::{Member, Members};
use crate::thread::wheel::{Entry, Wheel};

/// Events taken from the kernel at once.
const BATCH: usize = 256;
/// Events whose streams are read ahead together.
const TOGETHER: usize = 16;
/// Each stream is looked after once in so many parts of a round.
const PARTS: u32 = 5;
/// Between two parts.
const PART_NS: u64 = 50 * MS;

const RTP: u64 = 0;
const RTCP: u64 = 1;
const INBOX: u64 = 2;
const TIMER: u64 = 3;

/// What belongs to one packet thread.
pub(crate) struct PacketThread {
    epoll: OwnedFd,
    timer: OwnedFd,
    armed_ns: u64,
    inbox: Arc<Inbox>,
    pub(crate) members: Members,
    /// Commands for streams that are on their way here.
    pub(crate) waiting: HashMap<u64, Vec<Command>>,
    pub(crate) rooms: Rooms,
    wheel: Wheel,
    next_part: (u32, u64),
    node: Arc<Node>,
    totals: Arc<Totals>,
    scratch: Scratch,
    datagram: Box<[u8; MAX_PACKET]>,
    pub(crate) now: u64,
    commands: VecDeque<Command>,
    next_token: u64,
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
                self.warm_up(group);
                for event in group {
                    let data = event.data.u64();
                    match data & 3 {
                        RTP => self.on_rtp((data >> 2) as u32),
                        RTCP => self.on_rtcp((data >> 2) as u32),
                        _ => {}
                    }
                }
            }
            self.turn_wheel(&mut due);
            self.maintain();
        }
    }

    /// Reads what the packets of `events` will touch. Here the loads of different streams overlap; later each
    /// would be waited for alone, between two system calls.
    fn warm_up(&self, events: &[epoll::Event]) {
        let streams = || {
            let indexes = events.iter().map(|event| event.data.u64());
            let of_rtp = indexes.filter(|data| data & 3 == RTP);
            of_rtp.filter_map(|data| self.members.peek((data >> 2) as u32))
        };
        let heard = streams()
            .map(AudioStream::touch_to_receive)
            .fold(0, |sum, word| sum ^ word);
        let peers = streams().filter_map(|stream| self.members.peek(stream.link.peer()?.index));
        let said = peers
            .map(AudioStream::touch_to_send)
            .fold(0, |sum, word| sum ^ word);
        black_box(heard ^ said);
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
        // What was due when it happened is lost: every stream is paced anew.
        self.wheel = Wheel::new(clock::now_ns());
        for index in 0..self.members.extent() {
            if let Some(stream) = self.members.audio(index) {
                stream.playout.pacing = None;
                stream.taps.set_pacing(None);
            }
            self.pace(index);
        }
        for room in self.rooms.ids() {
            if let Some(room) = self.rooms.get(room) {
                room.pacing = None;
            }
            self.pace_room(room);
        }
    }

    /// After a command: puts a room into the wheel if it has something to mix and is not there yet.
    pub(crate) fn pace_room(&mut self, room: u64) {
        let token = self.next_token;
        if let Some(entry) = self.rooms.entry(room, token) {
            self.next_token += 1;
            self.wheel.add(entry, FRAME_MS, self.now);
        }
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

    /// After a command: puts an audio stream into the wheel if it has something to say and is not there yet.
    pub(crate) fn pace(&mut self, index: u32) {
        let Some(stream) = self.members.audio(index) else {
            return;
        };
        stream.renumber();
        if stream.is_paced() && stream.playout.pacing.is_none() {
            let token = self.next_token;
            self.next_token += 1;
            stream.playout.pacing = Some(token);
            let entry = Entry { index, token };
            let period_ms = stream.ptime_ms();
            self.wheel.add(entry, period_ms, self.now);
        }
        if stream.taps.wants_pacing() {
            let token = self.next_token;
            self.next_token += 1;
            stream.taps.set_pacing(Some(token));
            self.wheel.add(Entry { index, token }, FRAME_MS, self.now);
        }
    }

    /// Reads a datagram of the RTP port and hands it to who speaks its protocol: the one demultiplexer.
    fn on_rtp(&mut self, index: u32) {
        self.current = Some(index);
        let Some(member) = self.members.get(index) else {
            return;
        };
        let Some(received) = member.net().receive(&mut self.datagram[..]) else {
            return;
        };
        self.on_datagram(index, received);
    }

    /// A datagram that came to the shared port.
    pub(crate) fn on_arrived(&mut self, index: u32, arrived: &Arrived) {
        let length = arrived.octets.len();
        self.datagram[..length].copy_from_slice(&arrived.octets);
        let received = Received {
            length,
            source: Some(arrived.source),
        };
        self.on_datagram(index, received);
    }

    fn on_datagram(&mut self, index: u32, received: Received) {
        let Some(member) = self.members.get(index) else {
            return;
        };
        match classify(&self.datagram[..received.length]) {
            Protocol::Rtp => self.on_rtp_packet(index, received),
            Protocol::Rtcp if member.net().is_muxed() => self.on_rtcp_packet(index, received),
            Protocol::Stun | Protocol::Dtls => self.on_handshake(index, received),
            Protocol::Rtcp | Protocol::Zrtp | Protocol::TurnChannel | Protocol::Unknown => {
                member.drop_packet(&self.totals);
            }
        }
    }

    /// A check of ICE or a datagram of DTLS.
    fn on_handshake(&mut self, index: u32, received: Received) {
        let Some(member) = self.members.get(index) else {
            return;
        };
        let datagram = &self.datagram[..received.length];
        let of = (member.id(), self.now);
        let is_taken = if classify(datagram) == Protocol::Stun {
            let counters = Arc::clone(member.counters());
            let net = member.net_mut();
            net.receive_stun(datagram, received.source, of, (&self.node, &counters))
        } else {
            let net = member.net_mut();
            net.receive_dtls(datagram, received.source, of, &self.node)
        };
        if !is_taken {
            member.drop_packet(&self.totals);
        }
    }

    fn on_rtcp(&mut self, index: u32) {
        self.current = Some(index);
        let Some(member) = self.members.get(index) else {
            return;
        };
        let Some(received) = member.net().receive_rtcp(&mut self.datagram[..]) else {
            return;
        };
        match classify(&self.datagram[..received.length]) {
            Protocol::Rtcp => self.on_rtcp_packet(index, received),
            _ => member.drop_packet(&self.totals),
        }
    }

    fn on_rtp_packet(&mut self, index: u32, received: Received) {
        let mut ctx = Context {
            now: self.now,
            node: &self.node,
            totals: &self.totals,
            scratch: &mut self.scratch,
        };
        let Some(member) = self.members.get(index) else {
            return;
        };
        let datagram = &mut self.datagram[..received.length];
        let Some(length) = member.net_mut().unprotect(Protocol::Rtp, datagram) else {
            return member.drop_packet(ctx.totals);
        };
        let datagram = &mut datagram[..length];
        match member {
            Member::Audio(stream) => {
                let heard = stream.receive(datagram, received.source, &mut ctx);
                if matches!(heard, Heard::Turned(..)) {
                    return self.on_turned(index, heard, length);
                }
                if heard == Heard::Nothing || !stream.is_listening() {
                    return;
                }
                let Some(peer) = stream.link.peer() else {
                    return stream.speak(heard, datagram, ctx.now);
                };
                if let Some(stream) = self.members.audio(peer.index)
                    && stream.forward(heard, datagram, &mut ctx)
                {
                    self.pace(peer.index);
                }
            }
            Member::Video(stream) => {
                let is_wanted = stream.receive(datagram, received.source, &ctx);
                let Some(peer) = stream.peer.filter(|_| is_wanted) else {
                    return;
                };
                if let Some((Member::Video(stream), Member::Video(peer))) =
                    self.members.pair(index, peer.index)
                {
                    let theirs = stream.format_of(datagram[1] & 0x7f);
                    if let Some(number) = theirs.and_then(|format| peer.number_of(format)) {
                        peer.forward(number, datagram, &ctx);
                    }
                }
            }
        }
    }

    /// The first packet of another format, which lies in the first `length` octets of `datagram`.
    fn on_turned(&mut self, index: u32, heard: Heard, length: usize) {
        self.link(index);
        let mut ctx = Context {
            now: self.now,
            node: &self.node,
            totals: &self.totals,
            scratch: &mut self.scratch,
        };
        let datagram = &mut self.datagram[..length];
        let Some(stream) = self.members.audio(index) else {
            return;
        };
        if !stream.is_listening() {
            return;
        }
        match stream.link.peer() {
            None => stream.speak(heard, datagram, ctx.now),
            Some(peer) => {
                if let Some(stream) = self.members.audio(peer.index) {
                    stream.forward(heard, datagram, &mut ctx);
                }
            }
        }
    }

    fn on_rtcp_packet(&mut self, index: u32, received: Received) {
        let ctx = Context {
            now: self.now,
            node: &self.node,
            totals: &self.totals,
            scratch: &mut self.scratch,
        };
        let Some(member) = self.members.get(index) else {
            return;
        };
        let datagram = &mut self.datagram[..received.length];
        let Some(length) = member.net_mut().unprotect(Protocol::Rtcp, datagram) else {
            return member.drop_packet(ctx.totals);
        };
        let datagram = &datagram[..length];
        match member {
            Member::Audio(stream) => stream.receive_rtcp(datagram, received.source, &ctx),
            Member::Video(stream) => {
                let peer = stream.peer;
                if !stream.receive_rtcp(datagram, received.source) {
                    return;
                }
                if let Some(member) = peer.and_then(|peer| self.members.get(peer.index)) {
                    member.net_mut().send_rtcp(datagram);
                }
            }
        }
    }

    fn turn_wheel(&mut self, due: &mut Vec<Entry>) {
        while let Some(at_ms) = self.wheel.turn(self.now, due) {
            for entry in due.drain(..) {
                let mut ctx = Context {
                    now: self.now,
                    node: &self.node,
                    totals: &self.totals,
                    scratch: &mut self.scratch,
                };
                if let Some(room) = self.rooms.paced_by(&entry) {
                    room.tick(&mut self.members, &mut self.current, &mut ctx);
                    if room.is_active() {
                        self.wheel.again(entry, at_ms, FRAME_MS);
                    } else {
                        room.pacing = None;
                    }
                    continue;
                }
                let Some(stream) = self.members.audio(entry.index) else {
                    continue;
                };
                self.current = Some(entry.index);
                if stream.taps.is_paced_by(entry.token) {
                    match stream.taps.make_frames(stream.id, &mut ctx) {
                        Some(sooner_ms) => self.wheel.again(entry, at_ms, FRAME_MS - sooner_ms),
                        None => stream.taps.set_pacing(None),
                    }
                    continue;
                }
                if stream.playout.pacing != Some(entry.token) {
                    continue;
                }
                let goes_on = stream.tick(&mut ctx);
                stream.begin_waiting(ctx.now);
                stream.renumber();
                if goes_on {
                    let period_ms = stream.ptime_ms();
                    self.wheel.again(entry, at_ms, period_ms);
                } else {
                    stream.playout.pacing = None;
                }
            }
        }
    }

    /// Looks after a part of the streams, when it is time.
    fn maintain(&mut self) {
        let (part, at) = self.next_part;
        if self.now < at {
            return;
        }
        self.next_part = ((part + 1) % PARTS, self.now + PART_NS);
        for index in (part..self.members.extent()).step_by(PARTS as usize) {
            self.current = Some(index);
            let (members, mut ctx) = self.split();
            match members.get(index) {
                Some(Member::Audio(stream)) => stream.maintain(&mut ctx),
                Some(Member::Video(stream)) => stream.maintain(ctx.now),
                None => {}
            }
        }
    }

    /// Sets the timer for what comes first; a thread without streams sleeps until a command comes.
    fn arm(&mut self) {
        let maintenance = (!self.members.is_empty()).then_some(self.next_part.1);
        let wanted = match (self.wheel.next_due_ns(), maintenance) {
            (Some(wheel), Some(maintenance)) => wheel.min(maintenance),
            (wheel, maintenance) => wheel.or(maintenance).unwrap_or(0),
        };
        if wanted == self.armed_ns && wanted > self.now {
            return;
        }
        self.armed_ns = wanted;
        let timer = Itimerspec {
            it_interval: clock::timespec(0),
            it_value: clock::timespec(wanted),
        };
        let _ = timerfd_settime(self.timer.as_fd(), TimerfdTimerFlags::ABSTIME, &timer);
    }
}
