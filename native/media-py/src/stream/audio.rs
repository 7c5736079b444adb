//! One leg's audio: what is known of it, how it begins and ends, and what is due a few times a second.
//!
//! What the party sends is in [`receiving`], what it is sent in [`sending`].
//!
//! [`receiving`]: crate::stream::receiving
//! [`sending`]: crate::stream::sending

use std::sync::Arc;
use std::sync::atomic::Ordering;

use media_core::dtmf::telephone_event::DtmfReceiver;
use media_core::rtp::reception::Reception;
use media_core::rtp::sender::{Sender, Stamp};
use media_core::rtp::{self, Header};
use media_core::stream::hearing::Hearing;

use crate::net::{LastPacket, Net, Remote};
use crate::recording::Direction;
use crate::stream::control::Control;
use crate::stream::format::Format;
use crate::stream::inband_dtmf::InbandDtmf;
use crate::stream::link::Link;
use crate::stream::playout::Playout;
use crate::stream::receiving::DigitLimit;
use crate::stream::taps::Taps;
use crate::stream::turning::recorded;
use crate::stream::watch::{Missing, Watch};
use crate::thread::clock::{MS, SECOND};
use crate::thread::context::Context;
use crate::thread::counters::Counters;
use crate::thread::events::Event;
use crate::thread::prefetch::ask_for;

/// A party that was heard so short a time ago is not missing.
const HEARD_NS: u64 = 100 * MS;

/// The numbers of the format, and whether the party is listened to: what every packet asks.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Numbers {
    pub(crate) clock_rate: u32,
    payload_type: u8,
    /// Of what the party speaks. `None`: no format was agreed on.
    pub(super) receive_payload_type: Option<u8>,
    pub(crate) event: Option<u8>,
    pub(super) receive_event: Option<u8>,
    /// A format was agreed on, our direction sends, and there is an address to send to.
    can_send: bool,
    /// The same, and nothing of our own is said: packets of the other leg go on as they are.
    can_relay: bool,
    /// Our direction receives, and the party is not muted.
    is_listening: bool,
}

/// What follows begins a cache line.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
struct CacheLine;

/// The stream. With a thousand of them nothing stays in the nearer caches from one packet of a stream to its
/// next, and each cache line that a packet touches costs it some 80 ns. So they lie in order: one line for both
/// ways, two more for hearing, one more for saying; the counters are another one.
#[repr(C, align(64))]
pub(crate) struct AudioStream {
    pub(crate) counters: Arc<Counters>,
    pub(crate) numbers: Numbers,
    pub(crate) taps: Taps,
    pub(crate) net: Net,
    receiving: CacheLine,
    pub(super) last_heard: u64,
    /// When something is due though the party is heard: its next report.
    rests_until: u64,
    pub(crate) link: Link,
    pub(super) inband_dtmf: Option<Box<InbandDtmf>>,
    pub(super) reception: Reception,
    sending: CacheLine,
    pub(crate) sender: Sender,
    pub(crate) playout: Playout,
    pub(crate) id: u64,
    pub(crate) format: Option<Format>,
    pub(crate) hearing: Hearing,
    is_muted: bool,
    pub(super) dtmf_receiver: DtmfReceiver,
    control: Control,
    watch: Watch,
    pub(super) digit_limit: DigitLimit,
}

// What both ways of a packet need is one cache line.
const _: () = assert!(std::mem::offset_of!(AudioStream, net) + crate::net::HOT <= 64);

impl Numbers {
    /// Of audio that is sent.
    pub(crate) fn payload_type(&self) -> u8 {
        self.payload_type
    }
}

impl AudioStream {
    pub(crate) fn new(
        id: u64,
        net: Net,
        counters: Arc<Counters>,
        random: [u64; 2],
        now: u64,
    ) -> Self {
        Self {
            id,
            net,
            counters,
            format: None,
            hearing: Hearing::default(),
            is_muted: false,
            link: Link::None,
            playout: Playout::default(),
            taps: Taps::default(),
            sender: Sender::new((random[0] >> 32) as u32, random[1]),
            reception: Reception::new(8000),
            dtmf_receiver: DtmfReceiver::default(),
            inband_dtmf: None,
            numbers: Numbers::default(),
            receiving: CacheLine,
            sending: CacheLine,
            last_heard: 0,
            rests_until: 0,
            control: Control::new(random[0] as u32, now),
            watch: Watch::default(),
            digit_limit: DigitLimit::default(),
        }
    }

    /// Applies what an offer/answer agreed on.
    pub(crate) fn configure(&mut self, remote: Remote, format: Format, ctx: &Context<'_>) {
        self.net.configure(remote, &self.counters, ctx.now);
        self.net.begin_handshake(self.id, ctx.node);
        self.sender
            .set_format(format.coding.clock_rate, format.packet_ticks());
        self.watch
            .expect(format.receives && self.net.has_remote(), ctx.now);
        let before = self.format.replace(format);
        self.follow_agreement(before.as_ref(), ctx.now);
        self.renumber();
    }

    /// Milliseconds between packets that we make.
    pub(crate) fn ptime_ms(&self) -> u64 {
        self.format
            .as_ref()
            .map_or(20, |format| u64::from(format.coding.ptime_ms))
    }

    /// What this party says is not passed on.
    pub(crate) fn mute(&mut self, muted: bool) {
        self.is_muted = muted;
        self.renumber();
    }

    /// Whether what is said now reaches the party.
    pub(crate) fn can_send(&self) -> bool {
        self.numbers.can_send
    }

    /// Whether what the other leg says goes on as it is.
    pub(crate) fn can_relay(&self) -> bool {
        self.numbers.can_relay
    }

    /// Whether what the party says is wanted.
    pub(crate) fn is_listening(&self) -> bool {
        self.numbers.is_listening
    }

    /// Passes a packet of the other leg on as it is, but for its header. It is changed in place.
    pub(crate) fn relay(&mut self, header: &Header, datagram: &mut [u8], ctx: &mut Context<'_>) {
        let payload_type = self.numbers.payload_type;
        if let Some(stamp) = self.sender.relay(header, ctx.now) {
            self.transmit(stamp, payload_type, datagram, ctx);
        }
    }

    /// Sends a packet that has room for the header in front.
    pub(crate) fn transmit(
        &mut self,
        stamp: Stamp,
        payload_type: u8,
        datagram: &mut [u8],
        ctx: &Context<'_>,
    ) {
        let header = Header {
            marker: stamp.marker,
            payload_type,
            sequence: stamp.sequence,
            timestamp: stamp.timestamp,
            ssrc: self.sender.ssrc,
        };
        rtp::rewrite(&header, datagram);
        if !self.net.send(datagram) {
            return;
        }
        self.counters.packets_sent.add(1);
        let payload = datagram.len() - rtp::HEADER;
        self.counters.bytes_sent.add(payload as u64);
        ctx.totals.sent.add(1);
        if payload_type == self.numbers.payload_type {
            let payload = &datagram[rtp::HEADER..];
            self.taps
                .packet(Direction::Sent, (&header).into(), payload, ctx.now);
        } else {
            self.taps.digit_packet(Direction::Sent, (&header).into());
        }
    }

    /// The stream is linked with something else from now on.
    pub(crate) fn connect(&mut self, link: Link, now: u64) {
        self.watch.join(link.is_joined().then_some(now));
        self.link = link;
        self.playout.passed_digit = None;
        self.sender.start_spurt();
        self.renumber();
    }

    /// Whether there is anything to send packet time by packet time.
    pub(crate) fn is_paced(&self) -> bool {
        self.playout.is_active() || self.link.is_paced()
    }

    /// What is due a few times a second: what is missing, reports, the socket's connection.
    pub(crate) fn maintain(&mut self, ctx: &mut Context<'_>) {
        if self.is_at_rest(ctx.now) {
            return self.publish();
        }
        if let Some(missing) = self
            .watch
            .check(self.last_heard, ctx.node.timeout_ns, ctx.now)
        {
            let stream = self.id;
            ctx.node.events.publish(match missing {
                Missing::NothingHeard => Event::NothingHeard {
                    stream,
                    seconds: 5.0,
                },
                Missing::Stalled(silence) => Event::Stalled {
                    stream,
                    silence_s: silence as f64 / SECOND as f64,
                },
            });
        }
        self.taps.forget_ended();
        let last = LastPacket {
            at: self.last_heard,
            source: self.reception.highest(),
        };
        self.net.maintain(&last, ctx.now);
        if let Some(reason) = self.net.failure(ctx.now) {
            let stream = self.id;
            ctx.node
                .events
                .complete(Event::SecurityFailed { stream, reason });
        }
        if self.format.is_some() && self.net.has_remote() && self.control.is_due(ctx.now) {
            self.report(false, ctx);
        }
        self.rests_until = self.control.next_ns();
        self.publish();
    }

    /// Whether there is nothing to look after, by what packets touch anyway: the party is heard where it was learned,
    /// the stream is neither recorded nor listened to, and no report is due.
    fn is_at_rest(&self, now: u64) -> bool {
        now < self.rests_until
            && now.saturating_sub(self.last_heard) < HEARD_NS
            && self.net.is_connected()
            && self.taps.is_empty()
    }

    /// Says goodbye and ends what is playing.
    pub(crate) fn close(&mut self, ctx: &mut Context<'_>) {
        self.playout.end_all(self.id, ctx);
        self.stop_recording(None, ctx.now);
        if self.counters.packets_sent.get() > 0 {
            self.report(true, ctx);
        }
        self.publish();
    }

    /// Begins the recordings whose beep is over.
    pub(crate) fn begin_waiting(&mut self, now: u64) {
        let is_playing = |playback| self.playout.is_playing(playback);
        let source = recorded(self.format.as_ref(), &self.hearing);
        self.taps.begin_waiting(is_playing, (self.id, source), now);
    }

    /// Ends a recording and keeps it; `None`: all.
    pub(crate) fn stop_recording(&mut self, recording: Option<u64>, now: u64) {
        let source = recorded(self.format.as_ref(), &self.hearing);
        self.taps.stop(recording, (self.id, source), now);
    }

    /// Asks for the cache lines that receiving a packet needs.
    #[inline]
    pub(crate) fn expect_to_receive(&self) {
        ask_for(&self.counters, 1);
        ask_for(&self.last_heard, 2);
    }

    /// The same for saying one.
    #[inline]
    pub(crate) fn expect_to_send(&self) {
        ask_for(&self.counters, 1);
        ask_for(&self.sender, 1);
    }

    /// The same for counting one, either way.
    #[inline]
    pub(crate) fn expect_to_count(&self) {
        ask_for(&*self.counters, 1);
    }

    /// Keeps what every packet asks in step with what it follows from.
    pub(crate) fn renumber(&mut self) {
        self.numbers = self
            .format
            .as_ref()
            .map_or_else(Numbers::default, |format| Numbers {
                clock_rate: format.coding.clock_rate,
                payload_type: format.payload_type,
                receive_payload_type: Some(self.hearing.spoken(&format.coding).number),
                event: format.event,
                receive_event: format.receive_event,
                can_send: format.sends && self.net.has_remote(),
                can_relay: format.sends
                    && self.net.has_remote()
                    && !self.playout.has_priority()
                    && !self.link.is_paced(),
                is_listening: format.receives && !self.is_muted,
            });
    }

    fn report(&mut self, goodbye: bool, ctx: &mut Context<'_>) {
        let out = &mut ctx.scratch.packet;
        let of_stream = (&self.sender, &mut self.reception, &*self.counters);
        self.control
            .write(of_stream, (&ctx.node.cname, goodbye), ctx.now, out);
        self.net.send_rtcp(out);
    }

    fn publish(&self) {
        self.counters.packets_lost.set(self.reception.lost());
        self.counters
            .jitter_us
            .store(self.reception.jitter_us(), Ordering::Relaxed);
    }
}
