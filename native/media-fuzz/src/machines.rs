//! The machines behind the sockets, in any order of what can happen to them.

use arbitrary::{Arbitrary, Unstructured};
use media_core::dtmf::telephone_event::{DtmfReceiver, DtmfSender, Event, Step, code_of};
use media_core::rtp::Header;
use media_core::rtp::jitter::{JitterBuffer, Pull};

const MS: u64 = 1_000_000;
/// Delay that the buffer may hold at most, in packets.
const MAX_DEPTH: u32 = 12;

#[derive(Debug, Arbitrary)]
enum Happening {
    Insert {
        ahead: i16,
        timestamp: u32,
        length: u8,
    },
    Skip {
        ahead: i8,
    },
    Pull,
    Reset,
    Wait {
        ms: u16,
    },
}

/// Whatever goes in: bounded delay, and what comes out went in.
pub fn jitter(input: &[u8]) {
    let mut octets = Unstructured::new(input);
    let (Ok(rate), Ok(ticks), Ok(mut sequence)) = (
        octets.arbitrary(),
        octets.arbitrary(),
        u16::arbitrary(&mut octets),
    ) else {
        return;
    };
    let mut buffer = JitterBuffer::new(rate, ticks);
    let mut now = 0;
    // At its end `Unstructured` gives zeros without end.
    while !octets.is_empty() {
        let Ok(happening) = octets.arbitrary() else {
            return;
        };
        match happening {
            Happening::Insert {
                ahead,
                timestamp,
                length,
            } => {
                sequence = sequence.wrapping_add_signed(ahead);
                let mut payload = vec![0; 2 + usize::from(length)];
                payload[..2].copy_from_slice(&sequence.to_be_bytes());
                buffer.insert(sequence, timestamp, &payload, now);
            }
            Happening::Skip { ahead } => buffer.skip(sequence.wrapping_add_signed(ahead.into())),
            Happening::Pull => {
                if let Pull::Packet(payload) = buffer.pull() {
                    assert!(payload.len() >= 2, "what never went in came out");
                }
            }
            Happening::Reset => buffer.reset(),
            Happening::Wait { ms } => now += u64::from(ms) * MS,
        }
        assert!(buffer.depth() <= MAX_DEPTH);
        assert!((1..=MAX_DEPTH).contains(&buffer.target()));
    }
}

#[derive(Debug, Arbitrary)]
struct Heard {
    payload: [u8; 5],
    length: u8,
    timestamp: u32,
    sequence: u16,
    marker: bool,
    after_ms: u8,
}

/// Digits read from any events are digits, never more of them than packets; any script is sent to its end.
pub fn telephone_event(input: &[u8]) {
    let mut octets = Unstructured::new(input);
    let mut receiver = DtmfReceiver::default();
    let (mut now, mut packets, mut digits) = (0, 0, 0);
    while !octets.is_empty() {
        let Ok(heard) = Heard::arbitrary(&mut octets) else {
            break;
        };
        packets += 1;
        now += u64::from(heard.after_ms) * MS;
        let payload = &heard.payload[..usize::from(heard.length % 6)];
        let Some(event) = Event::parse(payload) else {
            continue;
        };
        let header = Header {
            marker: heard.marker,
            payload_type: 101,
            sequence: heard.sequence,
            timestamp: heard.timestamp,
            ssrc: 1,
        };
        if let Some(digit) = receiver.on_event(event, &header, now) {
            assert!(code_of(digit).is_some(), "not a digit: {digit:?}");
            digits += 1;
        }
    }
    assert!(digits <= packets);
    send(&String::from_utf8_lossy(&input[..input.len().min(32)]));
}

fn send(script: &str) {
    let Some(mut digits) = DtmfSender::new(script) else {
        return;
    };
    let max_steps = 60 * script.len() + 1;
    let is_done = (0..max_steps).any(|_| digits.step(20, 8000) == Step::Done);
    assert!(is_done, "{script:?} has no end");
}
