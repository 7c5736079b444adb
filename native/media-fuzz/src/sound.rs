//! Payloads into the codecs, and from there into a recording.

use media_core::codec::Decoder;
use media_core::codec::codecs;
use media_core::dtmf::inband;
use media_core::recorder::{Codec, HOLD_MS, Options, Packet, Place, Recorder};

use crate::framed::datagrams;

const MS: u64 = 1_000_000;
const CODECS: [(&str, &str); 5] = [
    ("pcmu", ""),
    ("pcma", ""),
    ("g722", ""),
    ("opus", "useinbandfec=1"),
    ("opus", "maxplaybackrate=16000"),
];

fn decoder(number: u8) -> Box<dyn Decoder + Send> {
    let (name, fmtp) = CODECS[usize::from(number) % CODECS.len()];
    let (_, decoder) = codecs::open(name, fmtp).expect("one of ours");
    decoder
}

/// Any payload gives a bounded length of samples, and the next one is decoded; losses between them too.
pub fn codecs(input: &[u8]) {
    let Some((&first, rest)) = input.split_first() else {
        return;
    };
    let mut decoder = decoder(first);
    let rate = decoder.sample_rate();
    let mut detector = inband::Detector::new(rate);
    let mut pcm = Vec::new();
    for datagram in datagrams(rest).take(64) {
        pcm.clear();
        decoder.decode(datagram.octets, &mut pcm);
        // G.722 makes two samples of an octet, Opus at most 120 ms of a packet.
        let max_octets = (2 * datagram.octets.len()).max(rate as usize * 120 / 1000);
        assert!(pcm.len() <= max_octets, "{} samples", pcm.len());
        detector.hear(&pcm, |_| {});
        if datagram.tag & 1 != 0 {
            let missing = usize::from(datagram.after_ms) * rate as usize / 1000;
            pcm.clear();
            decoder.conceal(missing, &mut pcm);
            assert_eq!(pcm.len(), missing);
        }
    }
}

/// A recording of anything is as long as it took, whatever timestamps said.
pub fn recorder(input: &[u8]) {
    let Some((&[kind, first, second], rest)) = input.split_first_chunk() else {
        return;
    };
    let codec = |number| Codec {
        received: decoder(number),
        sent: decoder(number),
        clock_rate: if number as usize % CODECS.len() < 3 {
            8000
        } else {
            48_000
        },
    };
    let options = Options {
        rate: if kind & 1 == 0 { 8000 } else { 16_000 },
        stereo: kind & 2 != 0,
        received_only: kind & 4 != 0,
        trim: kind & 8 != 0,
        silence_ms: (kind & 16 != 0).then_some(1_000),
        max_length_ms: (kind & 32 != 0).then_some(3_000),
    };
    let mut recorder = Recorder::new(options, codec(first), 0);
    let (mut now, mut file) = (0, Vec::new());
    for datagram in datagrams(rest).take(64) {
        now += u64::from(datagram.after_ms) * MS;
        let (words, payload) = match datagram.octets.split_first_chunk::<8>() {
            Some((words, payload)) => (*words, payload),
            None => ([0; 8], datagram.octets),
        };
        let packet = Packet {
            place: Place {
                ssrc: u32::from(words[0]),
                sequence: u16::from_be_bytes([words[2], words[3]]),
                timestamp: u32::from_be_bytes([words[4], words[5], words[6], words[7]]),
            },
            at_ns: now,
            payload,
        };
        match datagram.tag & 7 {
            0 => {
                let codec = codec(second);
                recorder.set_received(codec.received, codec.clock_rate);
            }
            4 => {
                let codec = codec(second);
                recorder.set_sent(codec.sent, codec.clock_rate);
            }
            1..4 => recorder.on_sent(&packet),
            _ => recorder.on_received(&packet),
        }
        recorder.advance(now, &mut file);
    }
    recorder.finish(now, &mut file);
    let max_octets =
        (now / MS + HOLD_MS + 20) * u64::from(options.rate) / 1000 * recorder.frame_octets();
    assert!(file.len() as u64 <= max_octets, "{} octets", file.len());
    assert!(recorder.kept() * recorder.frame_octets() <= max_octets);
}
