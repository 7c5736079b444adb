//! A conference: takes what its members say, mixes it every 20 ms, and sends each what it is to hear.
//!
//! A room and its members live in one packet thread. Everyone who is silent hears the same, so each codec encodes that
//! once. A member whose stream plays something of its own is not sent the room meanwhile.

use media_core::codec::Encoder;
use media_core::codec::codecs;
use media_core::mixer::{FRAME_MS, Heard, Mixer, Rate, Role};
use media_core::rtp::{self, Place};
use media_core::stream::hearing::Coding;

use crate::recording::{Direction, NewRecording, Source};
use crate::stream::audio::AudioStream;
use crate::stream::format::Format;
use crate::stream::link::{Delay, Link, RoomInput};
use crate::stream::playout::{Playback, publish_ended};
use crate::stream::sounds::{Sound, ToneName};
use crate::stream::taps::Taps;
use crate::thread::context::Context;
use crate::thread::events::Event;
use crate::thread::members::Members;

/// The rate at which rooms are recorded.
const RECORDED: Rate = Rate::Wide;
/// The country whose ringing tone is heard of early members.
const RINGING: &str = "us";

/// How a member takes part, as Python asks for it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Part {
    pub(crate) muted: bool,
    /// The id of the only member who hears this one.
    pub(crate) coaches: Option<u64>,
}

/// What is decided when a member joins.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Entry {
    /// It was not answered yet: it hears nothing, and is heard as ringing until it sends sound of its own.
    pub(crate) is_early: bool,
    pub(crate) delay: Delay,
}

struct RoomMember {
    id: u64,
    /// Its stream's index in the thread.
    index: u32,
    slot: usize,
    part: Part,
    is_early: bool,
    /// What is heard of an early member that sends nothing.
    ringing: Option<Sound>,
    /// Which of the room's encodings fits; `None`: its packets are not 20 ms long.
    encoding: Option<usize>,
    /// Samples that wait until a packet of another length is full.
    pending: Vec<i16>,
}

/// One encoder for all listeners of a codec, and its packet of the present frame.
struct Encoding {
    codec: String,
    fmtp: String,
    rate: Rate,
    encoder: Box<dyn Encoder + Send>,
    packet: Vec<u8>,
    is_made: bool,
}

struct Announcement {
    playback: Playback,
    slot: usize,
    rate: Rate,
}

/// The room.
pub(crate) struct Room {
    pub(crate) id: u64,
    mixer: Mixer,
    members: Vec<RoomMember>,
    encodings: Vec<Encoding>,
    announcement: Option<Announcement>,
    taps: Taps,
    /// Frames so far: the place of each in a recording.
    frames: u32,
    /// Of the room's entry in the wheel; `None`: it is not there.
    pub(crate) pacing: Option<u64>,
    /// One member's frame, and a frame's octets; kept for their capacity.
    pcm: Vec<i16>,
    octets: Vec<u8>,
}

fn rate_of(format: Option<&Format>) -> Rate {
    let encoder =
        format.and_then(|format| codecs::open(&format.coding.codec, &format.coding.fmtp).ok());
    encoder
        .and_then(|(encoder, _)| Rate::of(encoder.sample_rate()))
        .unwrap_or(Rate::Narrow)
}

impl Room {
    pub(crate) fn new(id: u64) -> Self {
        Self {
            id,
            mixer: Mixer::default(),
            members: Vec::new(),
            encodings: Vec::new(),
            announcement: None,
            taps: Taps::default(),
            frames: 0,
            pacing: None,
            pcm: Vec::new(),
            octets: Vec::new(),
        }
    }

    /// Whether there is anything to mix for.
    pub(crate) fn is_active(&self) -> bool {
        !self.members.is_empty() || self.announcement.is_some() || self.taps.is_recording()
    }

    /// The stream at `index` is a member from now on.
    pub(crate) fn join(
        &mut self,
        (id, part, entry): (u64, Part, Entry),
        (index, stream): (u32, &mut AudioStream),
        ctx: &Context<'_>,
    ) {
        let slot = self.mixer.add(Rate::Narrow, Role::default());
        self.members.push(RoomMember {
            id,
            index,
            slot,
            part,
            is_early: entry.is_early,
            ringing: entry
                .is_early
                .then(|| Sound::tone(ToneName::Ringing(RINGING.to_owned()))),
            encoding: None,
            pending: Vec::new(),
        });
        stream.playout.stop_playback(stream.id, None, ctx);
        let link = Link::Room {
            room: self.id,
            input: Box::new(RoomInput::new(entry.delay)),
        };
        stream.connect(link, ctx.now);
        self.retune(index, stream);
        self.apply_parts();
    }

    /// The codec of a member's stream was agreed on or has changed, or the member has turned to another one.
    pub(crate) fn retune(&mut self, index: u32, stream: &mut AudioStream) {
        let Some(at) = self.members.iter().position(|each| each.index == index) else {
            return;
        };
        let format = stream.format.as_ref();
        let rate = rate_of(format);
        self.members[at].encoding = format.and_then(|format| self.encoding_for(format, rate));
        if self.mixer.set_rate(self.members[at].slot, rate) {
            self.members[at].pending.clear();
        }
        if let Link::Room { input, .. } = &mut stream.link {
            let coding = format.map(|format| stream.hearing.spoken(&format.coding));
            input.set_coding(coding, rate.hertz());
        }
    }

    /// The member's stream goes; it is linked with nothing afterwards.
    pub(crate) fn leave(&mut self, index: u32, ctx: &Context<'_>) {
        let Some(at) = self.members.iter().position(|each| each.index == index) else {
            return;
        };
        let gone = self.members.remove(at);
        if self.mixer.remove(gone.slot) {
            self.publish_speaking(gone.id, false, ctx);
        }
        self.apply_parts();
    }

    /// The index of a member's stream.
    pub(crate) fn index_of(&self, member: u64) -> Option<u32> {
        self.members
            .iter()
            .find(|each| each.id == member)
            .map(|each| each.index)
    }

    /// All of them.
    pub(crate) fn indexes(&self) -> Vec<u32> {
        self.members.iter().map(|each| each.index).collect()
    }

    /// A member takes part in another way.
    pub(crate) fn set_part(&mut self, member: u64, part: Part) {
        if let Some(found) = self.members.iter_mut().find(|each| each.id == member) {
            found.part = part;
            self.apply_parts();
        }
    }

    /// Plays something to all members; what was played before ends.
    pub(crate) fn announce(&mut self, playback: Playback, ctx: &Context<'_>) {
        self.stop_announcement(None, ctx);
        let role = Role {
            hears: false,
            is_announcement: true,
            ..Role::default()
        };
        let rate = self.mixer.best_rate();
        let slot = self.mixer.add(rate, role);
        self.announcement = Some(Announcement {
            playback,
            slot,
            rate,
        });
    }

    /// Ends an announcement unfinished; `None`: whichever it is.
    pub(crate) fn stop_announcement(&mut self, playback: Option<u64>, ctx: &Context<'_>) {
        let is_meant =
            |present: &mut Announcement| playback.is_none_or(|id| id == present.playback.id);
        if let Some(stopped) = self.announcement.take_if(is_meant) {
            self.mixer.remove(stopped.slot);
            publish_ended(self.id, stopped.playback.id, false, ctx);
        }
    }

    pub(crate) fn record(&mut self, recording: NewRecording, ctx: &Context<'_>) {
        self.mixer.set_recorded(Some(RECORDED));
        let source = Source::Pcm(RECORDED.hertz());
        self.taps.begin(recording, self.id, source, ctx.now);
    }

    pub(crate) fn pause_recording(
        &mut self,
        recording: u64,
        skips: Option<bool>,
        ctx: &Context<'_>,
    ) {
        self.taps.pause(recording, skips, ctx.now);
    }

    pub(crate) fn stop_recording(&mut self, recording: Option<u64>, ctx: &Context<'_>) {
        let source = Source::Pcm(RECORDED.hertz());
        self.taps.stop(recording, (self.id, source), ctx.now);
    }

    /// Ends what is played and recorded; the members have left.
    pub(crate) fn close(&mut self, ctx: &Context<'_>) {
        self.stop_announcement(None, ctx);
        self.stop_recording(None, ctx);
    }

    /// Mixes and sends 20 ms; `current` is set to the stream that is being worked on.
    pub(crate) fn tick(
        &mut self,
        members: &mut Members,
        current: &mut Option<u32>,
        ctx: &mut Context<'_>,
    ) {
        self.collect(members, current);
        self.fill_announcement(ctx);
        let (room, people) = (self.id, &self.members);
        self.mixer.mix(|change| {
            if let Some(member) = people.iter().find(|each| each.slot == change.member) {
                ctx.node.events.publish(Event::MemberSpeaks {
                    room,
                    member: member.id,
                    speaks: change.speaks,
                });
            }
        });
        for encoding in &mut self.encodings {
            encoding.is_made = false;
        }
        for at in 0..self.members.len() {
            *current = Some(self.members[at].index);
            if let Some(stream) = members.audio(self.members[at].index)
                && stream.can_relay()
            {
                self.send(at, stream, ctx);
            }
        }
        *current = None;
        self.tap(ctx);
    }

    fn publish_speaking(&self, member: u64, speaks: bool, ctx: &Context<'_>) {
        ctx.node.events.publish(Event::MemberSpeaks {
            room: self.id,
            member,
            speaks,
        });
    }

    /// Sets each member's role in the mixer.
    fn apply_parts(&mut self) {
        for at in 0..self.members.len() {
            let RoomMember {
                slot,
                part,
                is_early,
                ..
            } = self.members[at];
            let coached = |id| self.members.iter().find(|each| each.id == id);
            let role = Role {
                // The coach of a member that has left is not heard.
                speaks: !part.muted && part.coaches.is_none_or(|id| coached(id).is_some()),
                hears: !is_early,
                coaches: part.coaches.and_then(coached).map(|each| each.slot),
                is_announcement: false,
            };
            self.mixer.set_role(slot, role);
        }
    }

    /// The encoder that all members with this format share.
    fn encoding_for(&mut self, format: &Format, rate: Rate) -> Option<usize> {
        let Coding {
            codec,
            fmtp,
            ptime_ms,
            ..
        } = &format.coding;
        if *ptime_ms != FRAME_MS {
            return None;
        }
        let is_same = |each: &Encoding| each.codec == *codec && each.fmtp == *fmtp;
        if let Some(known) = self.encodings.iter().position(is_same) {
            return Some(known);
        }
        let (encoder, _) = codecs::open(codec, fmtp).ok()?;
        self.encodings.push(Encoding {
            codec: codec.clone(),
            fmtp: fmtp.clone(),
            rate,
            encoder,
            packet: Vec::new(),
            is_made: false,
        });
        Some(self.encodings.len() - 1)
    }

    /// Gives the mixer what each member has said.
    fn collect(&mut self, members: &mut Members, current: &mut Option<u32>) {
        for member in &mut self.members {
            *current = Some(member.index);
            let Some(stream) = members.audio(member.index) else {
                continue;
            };
            if let Link::Room { input, .. } = &mut stream.link {
                self.pcm.clear();
                input.fill(&mut self.pcm);
                if !self.pcm.is_empty() {
                    member.ringing = None;
                } else if let Some(ringing) = &mut member.ringing {
                    let rate = self.mixer.rate(member.slot);
                    ringing.fill(rate.frame(), rate.hertz(), &mut self.pcm);
                }
                if !self.pcm.is_empty() {
                    self.mixer.input(member.slot, &self.pcm);
                }
            }
        }
    }

    fn fill_announcement(&mut self, ctx: &Context<'_>) {
        let Some(announcement) = &mut self.announcement else {
            return;
        };
        let best = self.mixer.best_rate();
        if best != announcement.rate {
            announcement.rate = best;
            self.mixer.set_rate(announcement.slot, best);
        }
        self.pcm.clear();
        let (count, hertz) = (announcement.rate.frame(), announcement.rate.hertz());
        announcement
            .playback
            .sound
            .fill(count, hertz, &mut self.pcm);
        if !self.pcm.is_empty() {
            self.mixer.input(announcement.slot, &self.pcm);
        } else if let Some(ended) = self.announcement.take() {
            self.mixer.remove(ended.slot);
            publish_ended(self.id, ended.playback.id, true, ctx);
        }
    }

    /// Sends a member the frame that was mixed.
    fn send(&mut self, at: usize, stream: &mut AudioStream, ctx: &mut Context<'_>) {
        let member = &mut self.members[at];
        let heard = self.mixer.heard(member.slot);
        match (heard, member.encoding) {
            (Heard::Nothing, _) => {}
            (Heard::Everybody, Some(encoding)) => {
                let encoding = &mut self.encodings[encoding];
                encoding.make(&self.mixer);
                stream.send_encoded(&mut encoding.packet, ctx);
            }
            (_, encoding) => {
                let pending = &mut member.pending;
                match heard {
                    Heard::Own => self.mixer.own(member.slot, pending),
                    _ => pending
                        .extend_from_slice(self.mixer.everybody(self.mixer.rate(member.slot))),
                }
                let wanted = match encoding {
                    Some(_) => pending.len(),
                    None => stream.packet_samples(),
                };
                while wanted > 0 && pending.len() >= wanted {
                    ctx.scratch.pcm.clear();
                    ctx.scratch.pcm.extend(pending.drain(..wanted));
                    stream.send_samples(ctx);
                }
            }
        }
    }

    /// Hands the frame to the recordings.
    fn tap(&mut self, ctx: &Context<'_>) {
        self.frames = self.frames.wrapping_add(1);
        self.taps.forget_ended();
        if !self.taps.is_recording() {
            self.mixer.set_recorded(None);
            return;
        }
        self.octets.clear();
        media_core::codec::pcm::octets(self.mixer.everybody(RECORDED), &mut self.octets);
        let place = Place {
            ssrc: 0,
            sequence: self.frames as u16,
            timestamp: self.frames.wrapping_mul(RECORDED.frame() as u32),
        };
        self.taps
            .packet(Direction::Received, place, &self.octets, ctx.now);
    }
}

impl Encoding {
    /// Encodes the frame that all silent members hear, once.
    fn make(&mut self, mixer: &Mixer) {
        if std::mem::replace(&mut self.is_made, true) {
            return;
        }
        self.packet.clear();
        self.packet.resize(rtp::HEADER, 0);
        self.packet[0] = 0x80;
        self.encoder
            .encode(mixer.everybody(self.rate), &mut self.packet);
    }
}

impl RoomInput {
    /// Appends 20 ms of what the member says; nothing while it is silent.
    fn fill(&mut self, pcm: &mut Vec<i16>) {
        if let Some((transcoder, count)) = self.transcoder() {
            transcoder.fill(count, pcm);
        }
    }
}
