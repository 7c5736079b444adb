//! A party that turns to another format: what it sends says so, and what it is sent follows the agreement.

use media_core::rtp::{self, Header};
use media_core::stream::hearing::{Coding, Hearing, Meaning};

use crate::recording::{Direction, Source};
use crate::stream::audio::AudioStream;
use crate::stream::format::Format;
use crate::stream::inband_dtmf::InbandDtmf;
use crate::stream::receiving::{Heard, Kind};
use crate::thread::context::Context;
use crate::thread::events::Event;

impl AudioStream {
    /// Turns what we send to the new format. What is heard stays what it is, until the party turns too.
    pub(super) fn follow_agreement(&mut self, before: Option<&Format>, now: u64) {
        let Some(format) = &self.format else {
            return;
        };
        let sent = before.map(|before| &before.coding);
        if !sent.is_some_and(|sent| is_same_coding(sent, &format.coding)) {
            self.playout.forget_codec();
            self.sender.start_spurt();
            self.taps.set_codec(Direction::Sent, &format.coding, now);
        }
        let mut spoken = None;
        if let Some(before) = before.filter(|_| self.last_heard != 0) {
            spoken = Some(self.hearing.spoken(&before.coding).clone());
            self.hearing.agree(&before.agreed(), &format.agreed(), now);
        }
        let present = self.hearing.spoken(&format.coding);
        let is_changed = !spoken.is_some_and(|spoken| is_same_coding(&spoken, present));
        if is_changed || self.inband_dtmf.is_some() == format.receive_event.is_some() {
            self.inband_dtmf = InbandDtmf::open(format, present).map(Box::new);
        }
        if is_changed {
            self.reception.set_clock_rate(present.clock_rate);
            self.taps.set_codec(Direction::Received, present, now);
        }
    }

    /// A packet of another number: if it is the party's, and of a format that may come, the party has turned to that.
    /// That one of an answer's further formats is spoken is reported, so that what we send follows.
    pub(super) fn receive_other(
        &mut self,
        datagram: &[u8],
        source: Option<std::net::SocketAddr>,
        ctx: &mut Context<'_>,
    ) -> Heard {
        let (Some(packet), Some(format)) = (rtp::parse(datagram), &self.format) else {
            return self.drop_packet(ctx);
        };
        let (header, start) = (packet.header, packet.start);
        let place = (datagram, start, start + packet.payload.len());
        let meaning = self
            .hearing
            .understand(&format.agreed(), header.payload_type, ctx.now);
        let Some(meaning) = meaning.filter(|_| self.is_of_party(source, &header, ctx)) else {
            return self.drop_packet(ctx);
        };
        let coding = match meaning {
            Meaning::Event => return self.hear(header, Kind::Digit, place, ctx),
            Meaning::Sound(coding) => coding,
        };
        if !self.is_newest(&header) || !self.turn(coding, ctx) {
            return self.drop_packet(ctx);
        }
        match self.hear(header, Kind::Audio, place, ctx) {
            Heard::Audio(header, start, end) => Heard::Turned(header, start, end),
            other => other,
        }
    }

    /// Whether no later packet of its source was heard: of a format that the party has left, late ones come still.
    fn is_newest(&self, header: &Header) -> bool {
        self.reception.highest().is_none_or(|(ssrc, sequence)| {
            ssrc != header.ssrc || header.sequence.wrapping_sub(sequence) < 0x8000
        })
    }

    /// The party speaks another format from this packet on; false if it turns too often.
    fn turn(&mut self, coding: Coding, ctx: &Context<'_>) -> bool {
        let Some(format) = &self.format else {
            return false;
        };
        let before = self.hearing.spoken(&format.coding).clone();
        if !self.hearing.turn(coding, &format.coding, ctx.now) {
            return false;
        }
        let spoken = self.hearing.spoken(&format.coding);
        let is_other = |coding: &Coding| format.others.contains(coding);
        if is_other(spoken) || spoken == &format.coding && is_other(&before) {
            ctx.node.events.publish(Event::FormatUsed {
                stream: self.id,
                payload_type: spoken.number,
            });
        }
        if !is_same_coding(&before, spoken) {
            self.reception.set_clock_rate(spoken.clock_rate);
            self.taps.set_codec(Direction::Received, spoken, ctx.now);
            self.inband_dtmf = InbandDtmf::open(format, spoken).map(Box::new);
        }
        self.renumber();
        true
    }
}

/// What a recording of a stream with this format is made from.
pub(crate) fn recorded<'a>(format: Option<&'a Format>, hearing: &'a Hearing) -> Source<'a> {
    format.map_or(Source::Unknown, |format| {
        Source::Leg(hearing.spoken(&format.coding), &format.coding)
    })
}

/// Whether one decoder goes on where the other was.
fn is_same_coding(one: &Coding, other: &Coding) -> bool {
    one.is_same_sound(other) && one.fmtp == other.fmtp
}
