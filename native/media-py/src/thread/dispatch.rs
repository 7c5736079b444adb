//! Carries out the commands that a packet thread receives.

use std::sync::Arc;

use crate::recording::NewRecording;
use crate::stream::audio::AudioStream;
use crate::stream::link::{Link, Peer};
use crate::stream::playout::Playback;
use crate::stream::sounds::{Sound, ToneName};
use crate::stream::turning::recorded;
use crate::thread::command::{Command, Order};
use crate::thread::context::Context;
use crate::thread::members::Member;
use crate::thread::packet_thread::PacketThread;

impl PacketThread {
    /// Carries a command out, or keeps it until its streams have arrived.
    pub(crate) fn dispatch(&mut self, command: Command) {
        let subjects = command.subjects();
        let awaited = subjects
            .into_iter()
            .flatten()
            .find(|id| self.waiting.contains_key(id));
        if let Some(kept) = awaited.and_then(|id| self.waiting.get_mut(&id)) {
            kept.push(command);
            return;
        }
        match command {
            Command::Admit(member) => {
                let kept = self.waiting.remove(&member.id());
                self.admit(member);
                for command in kept.into_iter().flatten() {
                    self.dispatch(command);
                }
            }
            Command::Expect(id) => {
                self.waiting.insert(id, Vec::new());
            }
            Command::HandOver(id, inbox) => {
                if let Some(index) = self.members.index_of(id) {
                    self.part(index);
                    if let Some(member) = self.dismiss(index) {
                        inbox.put(Command::Admit(member));
                    }
                }
            }
            Command::ToStream(id, order) => self.dispatch_order(id, order),
            Command::Bridge(one, other) => self.bridge(one, other),
            Command::Unbridge(one, other) => {
                if let Some(index) = self.members.index_of(one) {
                    let peer = self.members.get(index).and_then(|member| member.peer());
                    if peer.is_some_and(|peer| peer.id == other) {
                        self.part(index);
                    }
                }
            }
            Command::OpenRoom(id) => self.rooms.open(id),
            Command::ToRoom(id, order) => self.dispatch_room(id, order),
            Command::Shutdown => {}
        }
    }

    /// Closes every stream. Those that are on their way are closed by dropping the inbox they lie in.
    pub(crate) fn shut_down(&mut self) {
        for room in self.rooms.ids() {
            self.close_room(room);
        }
        for index in 0..self.members.extent() {
            self.close(index);
        }
    }

    fn dispatch_order(&mut self, id: u64, order: Order) {
        let Some(index) = self.members.index_of(id) else {
            return;
        };
        self.current = Some(index);
        let (members, ctx) = self.split();
        match (members.get(index), order) {
            (_, Order::Close) => return self.close(index),
            (Some(_), Order::Datagram(arrived)) => return self.on_arrived(index, &arrived),
            (Some(Member::Audio(stream)), Order::Configure(remote, format)) => {
                stream.configure(remote, format, &ctx);
                return self.link(index);
            }
            (Some(member), Order::Handshake(progress)) => {
                let counters = Arc::clone(member.counters());
                member.net_mut().progress(*progress, &counters);
            }
            (Some(Member::Audio(stream)), Order::Play(playback, sound)) => {
                let playback = Playback {
                    id: playback,
                    sound,
                };
                stream.playout.play(id, playback, &ctx);
                stream.sender.start_spurt();
            }
            (Some(Member::Audio(stream)), Order::SendDigits(playback, digits)) => {
                stream.playout.send_digits(id, Some(playback), digits, &ctx);
            }
            (Some(Member::Audio(stream)), Order::Stop(playback)) => {
                stream.playout.stop_playback(id, Some(playback), &ctx);
                stream.sender.start_spurt();
            }
            (Some(Member::Audio(stream)), Order::Mute(muted)) => stream.mute(muted),
            (Some(Member::Audio(stream)), Order::Record(recording)) => {
                begin_recording(stream, *recording, &ctx);
            }
            (Some(Member::Audio(stream)), Order::PauseRecording(recording, skips)) => {
                stream.taps.pause(recording, skips, ctx.now);
            }
            (Some(Member::Audio(stream)), Order::StopRecording(recording)) => {
                stream.stop_recording(Some(recording), ctx.now);
            }
            (Some(Member::Audio(stream)), order) => dispatch_audio(stream, order, &ctx),
            (Some(Member::Video(stream)), Order::ConfigureVideo(remote, formats)) => {
                stream.configure(remote, formats, &ctx);
            }
            _ => {}
        }
        if let Some(stream) = self.members.audio(index) {
            stream.begin_waiting(self.now);
        }
        self.pace(index);
    }

    fn bridge(&mut self, one: u64, other: u64) {
        let (Some(first), Some(second)) =
            (self.members.index_of(one), self.members.index_of(other))
        else {
            return;
        };
        self.part(first);
        self.part(second);
        let peer = |index, id| Peer { index, id };
        let (members, ctx) = self.split();
        match members.pair(first, second) {
            Some((Member::Audio(left), Member::Audio(right))) => {
                left.playout.stop_playback(one, None, &ctx);
                right.playout.stop_playback(other, None, &ctx);
                left.connect(Link::bridge(peer(second, other)), ctx.now);
                right.connect(Link::bridge(peer(first, one)), ctx.now);
                self.link(first);
            }
            Some((Member::Video(left), Member::Video(right))) => {
                left.connect(peer(second, other));
                right.connect(peer(first, one));
            }
            _ => {}
        }
    }

    /// Decides for both directions of a bridge whether packets are relayed or transcoded, and with which codec a
    /// room hears its member.
    pub(crate) fn link(&mut self, index: u32) {
        if let Some(stream) = self.members.audio(index)
            && let Some(room) = stream.link.room().and_then(|room| self.rooms.get(room))
        {
            room.retune(index, stream);
        }
        let peer = self.members.get(index).and_then(|member| member.peer());
        if let Some(peer) = peer {
            let (members, mut ctx) = self.split();
            if let Some((one, other)) = members.audio_pair(index, peer.index) {
                adapt(one, other, &mut ctx);
                adapt(other, one, &mut ctx);
            }
            self.pace(peer.index);
        }
        self.pace(index);
    }

    /// Ends the bridge of a stream, or takes it out of its room.
    pub(crate) fn part(&mut self, index: u32) {
        let room = self
            .members
            .audio(index)
            .and_then(|stream| stream.link.room());
        if let Some(room) = room {
            self.leave_room(room, index);
            return;
        }
        let peer = self.members.get(index).and_then(|member| member.peer());
        let both = peer.map(|peer| [index, peer.index]);
        let (members, ctx) = self.split();
        for index in both.into_iter().flatten() {
            match members.get(index) {
                Some(Member::Audio(stream)) => {
                    stream.connect(Link::None, ctx.now);
                }
                Some(Member::Video(stream)) => stream.peer = None,
                None => {}
            }
        }
    }

    fn close(&mut self, index: u32) {
        self.part(index);
        let (members, mut ctx) = self.split();
        if let Some(Member::Audio(stream)) = members.get(index) {
            stream.close(&mut ctx);
        }
        drop(self.dismiss(index));
    }
}

/// Decides how `to` sends what `from` says: as it is, or decoded and encoded.
fn adapt(from: &AudioStream, to: &mut AudioStream, ctx: &mut Context<'_>) {
    let spoken = from
        .format
        .as_ref()
        .map(|format| from.hearing.spoken(&format.coding));
    let differing = match (spoken, &to.format) {
        (Some(theirs), Some(ours)) if !ours.coding.is_same_sound(theirs) => Some(theirs),
        _ => None,
    };
    if differing.is_none() {
        to.send_waiting(ctx);
    }
    let rate = if differing.is_some() {
        to.encoder_rate()
    } else {
        0
    };
    to.playout.passed_digit = None;
    to.link.transcode(differing, rate);
}

/// Begins a recording, after a beep if one is wanted.
fn begin_recording(stream: &mut AudioStream, recording: NewRecording, ctx: &Context<'_>) {
    if recording.options.beep {
        let playback = Playback {
            id: recording.options.recording,
            sound: Sound::tone(ToneName::Beep),
        };
        stream.playout.play(stream.id, playback, ctx);
        stream.sender.start_spurt();
        stream.taps.wait(recording);
    } else {
        let source = recorded(stream.format.as_ref(), &stream.hearing);
        stream.taps.begin(recording, stream.id, source, ctx.now);
    }
}

/// Carries out what is asked of the audio that applications hear and feed.
fn dispatch_audio(stream: &mut AudioStream, order: Order, ctx: &Context<'_>) {
    let playout = &mut stream.playout;
    match order {
        Order::Listen(new) => {
            let format = stream.format.as_ref();
            let spoken = format.map(|format| stream.hearing.spoken(&format.coding));
            let sent = format.map(|format| &format.coding);
            stream.taps.listen(*new, spoken, sent);
        }
        Order::StopListening(id) => stream.taps.stop_listening(id),
        Order::Feed(feed) => {
            playout.start_feed(stream.id, feed, ctx);
            stream.sender.start_spurt();
        }
        Order::FeedAudio(id, data) => {
            if let Some(feed) = playout.feed(id) {
                feed.push(data);
            }
        }
        Order::FeedMark(id, mark) => {
            if let Some(feed) = playout.feed(id) {
                feed.mark(mark);
            }
        }
        Order::FeedPause(id, paused) => {
            if let Some(feed) = playout.feed(id) {
                feed.pause(paused);
            }
        }
        Order::FeedClear(id) => {
            if let Some(feed) = playout.feed(id) {
                feed.clear(stream.id, ctx);
            }
        }
        Order::FeedClose(id) => {
            playout.stop_feed(stream.id, Some(id), ctx);
            stream.sender.start_spurt();
        }
        _ => {}
    }
}
