//! Opus (RFC 6716) as RFC 7587 carries it: the arithmetic is the crate `opus-pure`'s, its
//! settings are decided here.
//!
//! Mono both ways; a stereo packet is mixed down by the decoder. 48 kHz, or 16 kHz for a peer that cannot
//! play more (`maxplaybackrate`), which costs a third less. Playout settings; bit rate and redundancy as the
//! peer's fmtp asks.

use opus_pure::{Application, MAX_PACKET_SAMPLES, OpusDecoder, OpusEncoder, RateControl, packet};

use crate::codec::{Decoder, Encoder, Pair};

const FULL_RATE: u32 = 48_000;
const WIDEBAND_RATE: u32 = 16_000;
/// RFC 7587 section 3.1.1: the sweet spot for fullband speech is 28 to 40 kbit/s.
const BITRATE: i32 = 32_000;
const LOWEST_BITRATE: i32 = 6_000;
/// From 0 to 10: at 5, encoding costs two thirds of what it does at 9, and few hear it.
const COMPLEXITY: i32 = 5;
/// How much loss to be prepared for when the peer can make use of redundancy.
const EXPECTED_LOSS_PERCENT: i32 = 5;
/// One frame's largest size (RFC 6716 section 3.2.1), and three of them in 60 ms.
const LARGEST_PAYLOAD: usize = 3 * 1_275 + 8;
/// The lengths that one packet can have, in units of 2.5 ms.
const LENGTHS: [usize; 6] = [1, 2, 4, 8, 16, 24];
const UNITS_PER_SECOND: usize = 400;

/// What `a=fmtp` says of the peer's wishes (RFC 7587 section 6.1); all else in it is about what it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wishes {
    sample_rate: u32,
    bitrate: i32,
    constant: bool,
    redundancy: bool,
}

impl Wishes {
    fn read(fmtp: &str) -> Self {
        let mut wishes = Self {
            sample_rate: FULL_RATE,
            bitrate: BITRATE,
            constant: false,
            redundancy: false,
        };
        for field in fmtp.split(';') {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            let number = value.trim().parse::<i32>().ok();
            match (name.trim().to_ascii_lowercase().as_str(), number) {
                ("maxplaybackrate", Some(rate)) if rate <= WIDEBAND_RATE as i32 => {
                    wishes.sample_rate = WIDEBAND_RATE;
                }
                ("maxaveragebitrate", Some(bitrate)) => {
                    wishes.bitrate = bitrate.clamp(LOWEST_BITRATE, BITRATE);
                }
                ("cbr", Some(flag)) => wishes.constant = flag == 1,
                ("useinbandfec", Some(flag)) => wishes.redundancy = flag == 1,
                _ => {}
            }
        }
        wishes
    }
}

/// Both directions of one stream; `None` if the crate refuses its settings, which are all within its range.
pub fn open(fmtp: &str) -> Option<Pair> {
    let wishes = Wishes::read(fmtp);
    let rate = wishes.sample_rate;
    let mut encoder = OpusEncoder::new(rate as i32, 1, Application::Voip).ok()?;
    encoder.bitrate_bps = wishes.bitrate;
    encoder.complexity = COMPLEXITY;
    if wishes.constant {
        encoder.rate_control = RateControl::Cbr;
    }
    if wishes.redundancy {
        encoder.use_inband_fec = true;
        encoder.packet_loss_perc = EXPECTED_LOSS_PERCENT;
    }
    let decoder = OpusDecoder::new(rate as i32, 1).ok()?;
    Some((
        Box::new(SpeechEncoder {
            encoder,
            sample_rate: rate,
            padded: Vec::new(),
        }),
        Box::new(SpeechDecoder {
            decoder,
            sample_rate: rate,
            packet_samples: rate as usize / 50,
        }),
    ))
}

struct SpeechEncoder {
    encoder: OpusEncoder,
    sample_rate: u32,
    padded: Vec<i16>,
}

impl Encoder for SpeechEncoder {
    fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// A length that no Opus packet has (30 or 50 ms) is filled up with silence to the next that one can
    /// have.
    fn encode(&mut self, pcm: &[i16], payload: &mut Vec<u8>) {
        let unit = self.sample_rate as usize / UNITS_PER_SECOND;
        let fits = |units: &&usize| *units * unit >= pcm.len();
        let length = LENGTHS.iter().find(fits).unwrap_or(&LENGTHS[5]) * unit;
        self.padded.clear();
        self.padded.extend_from_slice(&pcm[..pcm.len().min(length)]);
        self.padded.resize(length, 0);
        let begin = payload.len();
        payload.resize(begin + LARGEST_PAYLOAD, 0);
        let coded = self
            .encoder
            .encode_s16(&self.padded, length, &mut payload[begin..]);
        payload.truncate(begin + coded.unwrap_or(0));
    }
}

struct SpeechDecoder {
    decoder: OpusDecoder,
    sample_rate: u32,
    /// How long the last packet was.
    packet_samples: usize,
}

impl SpeechDecoder {
    /// Appends what the crate makes of `payload`; whether it could.
    fn append(&mut self, payload: &[u8], samples: usize, pcm: &mut Vec<i16>) -> bool {
        let begin = pcm.len();
        pcm.resize(begin + samples, 0);
        let decoded = self.decoder.decode_s16(payload, samples, &mut pcm[begin..]);
        pcm.truncate(begin + decoded.as_ref().copied().unwrap_or(0));
        decoded.is_ok()
    }
}

impl Decoder for SpeechDecoder {
    fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    fn decode(&mut self, payload: &[u8], pcm: &mut Vec<i16>) {
        let samples = packet::samples(payload, self.sample_rate as i32).unwrap_or(0);
        if samples == 0 || samples > MAX_PACKET_SAMPLES || !self.append(payload, samples, pcm) {
            self.conceal(self.packet_samples, pcm);
            return;
        }
        self.packet_samples = samples;
    }

    fn conceal(&mut self, samples: usize, pcm: &mut Vec<i16>) {
        let wanted = pcm.len() + samples;
        let unit = self.sample_rate as usize / UNITS_PER_SECOND;
        let max_samples = self.sample_rate as usize / 50;
        while pcm.len() < wanted {
            let piece = (wanted - pcm.len()).next_multiple_of(unit).min(max_samples);
            if !self.append(&[], piece, pcm) {
                break;
            }
        }
        // The last piece may be too long, or nothing came at all.
        pcm.resize(wanted, 0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::probe::{amplitude_at, decibels, level, speech, tone};

    /// Two tones (300 and 900 Hz) as libopus 1.6 codes them at 12 kbit/s, and every 60th sample of what it
    /// makes of the last packet.
    const PACKETS: [&str; 8] = [
        "4883108f434543e6ec34cc099fa41a3776d712d925f1db7b746331fb0ff6119d24f7b3d4",
        "48a8cbdef982d4161e21acec663e3093ae62207091f7058f20b2586f0704efb1646eab17370812b47d98",
        "489eb1a54b7322a2ecb2b1e68800c5429c7f0bfc31e30026bc7850",
        "489eb1a54b7322a2a6e5ddb69082a8709c86eaeceeb03df7a280",
        "489eb1a54b7322a2bd763b2d8433e0681bdbce28982a09b7c450",
        "489eb1a54b7322a2d674b9bb2d7b9a413de6aa52732f5b222194d23980",
        "489eb1a54b7322a2ea778a1ddf216307814fe5eef5dfda",
        "489eb1a54b7322a2ecfac3501ff2ee9842d68375f1ffe4cf09718980ce9960",
    ];
    const SAMPLES: [i16; 16] = [
        6023, 2584, -4051, 4675, -5917, -2496, 4067, -4855, 5955, 2615, -3985, 4625, -6040, -2658,
        4048, -4679,
    ];

    fn octets(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }

    fn through(fmtp: &str, sound: &[i16]) -> (Vec<i16>, usize) {
        let (mut encoder, mut decoder) = open(fmtp).unwrap();
        let (mut payload, mut heard, mut bytes) = (Vec::new(), Vec::new(), 0);
        for packet in sound.chunks_exact(encoder.sample_rate() as usize / 50) {
            payload.clear();
            encoder.encode(packet, &mut payload);
            bytes += payload.len();
            decoder.decode(&payload, &mut heard);
        }
        (heard, bytes)
    }

    #[test]
    fn packets_of_the_reference_library_sound_as_they_do_there() {
        let (_, mut decoder) = open("").unwrap();
        let mut heard = Vec::new();
        for packet in PACKETS {
            decoder.decode(&octets(packet), &mut heard);
        }
        assert_eq!(heard.len(), 8 * 960);
        let samples: Vec<i16> = heard[7 * 960..].iter().copied().step_by(60).collect();
        assert_eq!(samples, SAMPLES);
    }

    #[test]
    fn tones_come_through() {
        for (fmtp, rate) in [("", 48_000), ("maxplaybackrate=16000", 16_000)] {
            for hertz in [300.0, 1_000.0, 3_000.0] {
                let sound = tone(hertz, rate, rate as usize, 8_000.0);
                let (heard, _) = through(fmtp, &sound);
                assert_eq!(heard.len(), sound.len());
                let kept = amplitude_at(hertz, rate, &heard[rate as usize / 2..]) / 8_000.0;
                assert!(
                    decibels(kept).abs() < 1.0,
                    "{hertz} Hz: {} dB",
                    decibels(kept)
                );
            }
        }
    }

    #[test]
    fn the_bit_rate_is_what_the_peer_wants() {
        let sound = speech(4, 48_000, 48_000 * 4);
        let kilobits = |fmtp: &str| through(fmtp, &sound).1 as f64 * 8.0 / 4_000.0;
        assert!((15.0..34.0).contains(&kilobits("")));
        assert!(kilobits("maxaveragebitrate=12000") < 13.0);
        assert!((kilobits("cbr=1; maxaveragebitrate=20000") - 20.0).abs() < 0.5);
    }

    #[test]
    fn only_what_the_peer_wants_to_receive_is_read_from_the_fmtp() {
        let plain = Wishes::read("");
        assert_eq!(
            Wishes::read("sprop-stereo=1;stereo=1;usedtx=1;minptime=10;nonsense"),
            plain
        );
        assert_eq!(
            Wishes::read("maxaveragebitrate=510000;maxplaybackrate=48000"),
            plain
        );
        assert_eq!(Wishes::read("maxaveragebitrate=-7").bitrate, LOWEST_BITRATE);
        assert!(Wishes::read(" UseInbandFEC=1 ; cbr=0").redundancy);
    }

    #[test]
    fn every_length_of_packet_is_coded() {
        let (mut encoder, mut decoder) = open("").unwrap();
        for (ms, expected_ms) in [
            (5, 5),
            (10, 10),
            (20, 20),
            (30, 40),
            (40, 40),
            (50, 60),
            (60, 60),
        ] {
            let (mut payload, mut heard) = (vec![1, 2, 3], Vec::new());
            encoder.encode(&vec![500; 48 * ms], &mut payload);
            assert_eq!(payload[..3], [1, 2, 3]);
            decoder.decode(&payload[3..], &mut heard);
            assert_eq!(heard.len(), 48 * expected_ms, "{ms} ms");
        }
    }

    #[test]
    fn a_loss_is_concealed_then_fades() {
        let (mut encoder, mut decoder) = open("").unwrap();
        let mut payload = Vec::new();
        let mut heard = Vec::new();
        for packet in speech(1, 48_000, 48_000).chunks_exact(960) {
            payload.clear();
            encoder.encode(packet, &mut payload);
            decoder.decode(&payload, &mut heard);
        }
        let mut made_up = Vec::new();
        decoder.conceal(960, &mut made_up);
        decoder.conceal(77, &mut made_up);
        assert_eq!(made_up.len(), 1_037);
        let mut later = Vec::new();
        decoder.conceal(48_000, &mut later);
        assert!(level(&later[40_000..]) < level(&heard) / 4.0);
    }

    proptest! {
        #[test]
        fn any_payload_is_some_sound(payloads: Vec<Vec<u8>>) {
            let (_, mut decoder) = open("").unwrap();
            for payload in payloads {
                let mut heard = Vec::new();
                decoder.decode(&payload, &mut heard);
                prop_assert!((120..=MAX_PACKET_SAMPLES).contains(&heard.len()));
            }
        }
    }
}
