//! The way of a packet through its thread: read, handed to who speaks its protocol, passed on to the other leg.

use std::sync::Arc;

use media_core::rtp::demux::{Protocol, classify};
use rustix::event::epoll;

use crate::net::Received;
use crate::net::shared_port::Arrived;
use crate::stream::receiving::Heard;
use crate::thread::context::Context;
use crate::thread::members::Member;
use crate::thread::packet_thread::{PacketThread, RTCP, RTP};

impl PacketThread {
    /// Asks for what the packets of `events` need of their streams. It comes while sockets are read.
    fn expect(&self, events: &[epoll::Event]) {
        for event in events {
            let data = event.data.u64();
            if data & 3 == RTP
                && let Some(stream) = self.members.peek((data >> 2) as u32)
            {
                stream.expect_to_receive();
            }
        }
    }

    /// Asks for what lies behind that: what is counted, and the other leg.
    fn expect_beyond(&self, index: u32) {
        if let Some(stream) = self.members.peek(index) {
            stream.expect_to_count();
            let peer = stream.link.peer();
            if let Some(peer) = peer.and_then(|peer| self.members.peek(peer.index)) {
                peer.expect_to_send();
            }
        }
    }

    /// Asks for what the other leg counts.
    fn expect_last(&self, index: u32) {
        let peer = |index| self.members.peek(index)?.link.peer();
        if let Some(peer) = peer(index).and_then(|peer| self.members.peek(peer.index)) {
            peer.expect_to_count();
        }
    }

    /// Works on the sockets of a group of events, of which there are at most [`TOGETHER`]: all ports of RTP are read,
    /// then what they had is handed to who speaks its protocol.
    ///
    /// [`TOGETHER`]: crate::thread::batch::TOGETHER
    pub(super) fn work_on(&mut self, events: &[epoll::Event]) {
        self.expect(events);
        for event in events {
            let data = event.data.u64();
            let index = (data >> 2) as u32;
            match data & 3 {
                RTP => {
                    if let Some(member) = self.members.get(index) {
                        let net = member.net();
                        self.batch.read(index, |buffer| net.receive(buffer));
                        self.expect_beyond(index);
                    }
                }
                RTCP => self.on_rtcp(index),
                _ => {}
            }
        }
        for index in self.batch.streams() {
            self.expect_last(index);
        }
        self.work_off();
    }

    /// Works on what was read. A panic leaves the rest for the next call.
    pub(super) fn work_off(&mut self) {
        while let Some((index, received)) = self.batch.take(&mut self.datagram) {
            self.current = Some(index);
            self.on_datagram(index, received);
        }
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
}
