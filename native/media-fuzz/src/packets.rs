//! Datagrams as the sockets take them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use media_core::rtp as packet;
use media_core::rtp::demux::{Protocol, classify};
use media_core::rtp::latch::{Latch, Verdict};
use media_core::rtp::reception::Reception;
use media_core::rtp::rtcp::{self as report, Compound, Part, SenderInfo};
use media_core::rtp::sender::Sender;

use crate::framed::datagrams;

const MS: u64 = 1_000_000;

/// What is read lies within the datagram, and rewriting its header changes nothing else.
pub fn rtp(datagram: &[u8]) {
    let Some(read) = packet::parse(datagram) else {
        return;
    };
    assert_eq!(
        datagram[read.start..][..read.payload.len()],
        *read.payload,
        "a payload from elsewhere"
    );
    let (start, length) = (read.start, read.payload.len());
    let mut other = read.header;
    other.sequence = other.sequence.wrapping_add(1);
    other.ssrc = !other.ssrc;
    let mut rewritten = datagram.to_vec();
    packet::rewrite(&other, &mut rewritten);
    let again = packet::parse(&rewritten).expect("what was rewritten is still a packet");
    assert_eq!(
        (again.header, again.start, again.payload.len()),
        (other, start, length)
    );
    assert_eq!(rewritten[packet::HEADER..], datagram[packet::HEADER..]);
}

/// Parts are read or left alone; what we send in answer can be read.
pub fn rtcp(datagram: &[u8]) {
    let mut parts = 0;
    report::parse(datagram, |part| {
        parts += 1;
        if let Part::Block(block) = part {
            let trip = report::round_trip_us(&block, report::ntp(parts * 1_000 * MS));
            assert!(trip.is_none_or(|us| us < 10_000_000));
        }
    });
    assert!(parts <= datagram.len() as u64 / 4, "more parts than octets");
    let _ = report::is_valid(datagram);
}

/// A whole row from several sources: latch, reception, relay and reports, as a stream drives them.
pub fn stream(input: &[u8]) {
    let mut now = 1_000_000 * MS;
    let mut latch = Latch::default();
    let expected = source(0);
    latch.expect(Some(expected));
    let mut reception = Reception::new(8000);
    let mut sender = Sender::new(0x0102_0304, 0x0506_0708_090a_0b0c);
    let mut passed = 0u32;
    for datagram in datagrams(input) {
        now += u64::from(datagram.after_ms) * MS;
        let from = source(datagram.tag & 7);
        if datagram.tag & 0x40 != 0 {
            latch.reopen();
        }
        if classify(datagram.octets) == Protocol::Rtcp {
            take_report(datagram.octets, &mut reception, now);
        } else if let Some(read) = packet::parse(datagram.octets) {
            let header = read.header;
            if latch.on_packet(from, header.ssrc, header.sequence, now) == Verdict::Stray {
                continue;
            }
            assert_eq!(latch.target(), Some(from), "heard, and not answered");
            reception.on_packet(header.ssrc, header.sequence, Some(header.timestamp), now);
            let stamp = match datagram.tag >> 3 & 3 {
                0 => sender.relay_event(&header, now),
                1 => {
                    sender.skip(&header);
                    None
                }
                2 => Some(sender.make(now)),
                _ => sender.relay(&header, now),
            };
            passed += u32::from(stamp.is_some());
        }
    }
    answer(&mut reception, &sender, passed, now);
}

fn source(number: u8) -> SocketAddr {
    let host = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1 + number / 3));
    SocketAddr::new(host, 4000 + u16::from(number % 3))
}

fn take_report(datagram: &[u8], reception: &mut Reception, now: u64) {
    report::parse(datagram, |part| {
        if let Part::Sender(ssrc, info) = part {
            reception.on_sender_report(ssrc, report::ntp_middle(info.ntp), now);
        }
    });
}

/// Our own report of all that can be read again, and says what was found.
fn answer(reception: &mut Reception, sender: &Sender, packets: u32, now: u64) {
    let block = reception.report(now);
    let _ = reception.jitter_us();
    let mut out = Vec::new();
    let sender = SenderInfo {
        ntp: report::ntp(now),
        timestamp: sender.timestamp_now(now),
        packets,
        octets: packets.wrapping_mul(160),
    };
    let compound = Compound {
        ssrc: 7,
        sender: Some(sender),
        block,
        cname: "fuzz",
        goodbye: true,
    };
    report::write(&compound, &mut out);
    assert!(report::is_valid(&out));
    let mut found = Vec::new();
    report::parse(&out, |part| found.push(part));
    let blocks: Vec<_> = block.into_iter().map(Part::Block).collect();
    assert!(blocks.iter().all(|block| found.contains(block)));
    assert!(found.contains(&Part::Goodbye(7)));
}
