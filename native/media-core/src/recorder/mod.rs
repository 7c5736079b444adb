//! One recording's sound: packets of two directions in, the samples of a file out.
//!
//! Each direction is a [`Track`], in which packets are put at their place; what is older than [`HOLD_MS`] is done and
//! comes out, silence where nothing was. So losses and pauses keep their length.

pub mod timeline;
pub mod track;

use crate::codec::Decoder;
use crate::recorder::track::Track;
use crate::rtp::ticks;
use crate::samples::vad::{Change, Detector};

pub use crate::recorder::track::Packet;
pub use crate::rtp::Place;

/// How late a packet may come and still be heard in the recording.
pub const HOLD_MS: u64 = 300;
const FRAME_MS: u64 = 20;
/// Kept around what is heard when silence is cut.
const MARGIN_MS: u64 = 100;
/// How long a beginning takes to be noticed, and more: so much is kept until then.
const MEMORY_MS: u64 = 400;

/// How to record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// 8000 or 16000 Hz.
    pub rate: u32,
    /// Two channels: received on the left, sent on the right; else one, mixed.
    pub stereo: bool,
    /// Leave out what is sent.
    pub received_only: bool,
    /// Cut silence at both ends.
    pub trim: bool,
    /// End after so much silence of the received direction.
    pub silence_ms: Option<u64>,
    /// End after so long.
    pub max_length_ms: Option<u64>,
}

/// Why a recorder is over by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// Nothing was heard for `silence_ms`.
    Silence,
    /// It is `max_length_ms` long.
    MaxLength,
}

/// A pause that goes on.
#[derive(Debug, Clone, Copy)]
struct Paused {
    since_ns: u64,
    /// Its time is left out, instead of being silent.
    skips: bool,
}

/// The recording that is being made.
pub struct Recorder {
    options: Options,
    start_ns: u64,
    /// Time that was left out.
    skipped_ns: u64,
    pause: Option<Paused>,
    received: Track,
    sent: Track,
    /// Samples that came out of the windows.
    done: u64,
    /// Samples (of each channel) that were written.
    written: u64,
    /// For the length of silence; hears what is received.
    listener: Detector,
    /// For cutting; hears all that is recorded.
    cutter: Detector,
    is_cutting_start: bool,
    /// Of `written`: where the last sound was.
    last_sound: u64,
    has_heard: bool,
    memory: Vec<u8>,
    frame: (Vec<i16>, Vec<i16>),
}

/// A leg's codec: two decoders, one for each direction, and the RTP clock.
pub struct Codec {
    /// Of what is received.
    pub received: Box<dyn Decoder + Send>,
    /// Of what is sent.
    pub sent: Box<dyn Decoder + Send>,
    /// In Hz.
    pub clock_rate: u32,
}

impl Recorder {
    /// Begins at `start_ns`.
    pub fn new(options: Options, codec: Codec, start_ns: u64) -> Self {
        Self {
            options,
            start_ns,
            skipped_ns: 0,
            pause: None,
            received: Track::new(codec.received, codec.clock_rate, options.rate),
            sent: Track::new(codec.sent, codec.clock_rate, options.rate),
            done: 0,
            written: 0,
            listener: Detector::new(options.rate),
            cutter: Detector::new(options.rate),
            is_cutting_start: options.trim,
            last_sound: 0,
            has_heard: false,
            memory: Vec::new(),
            frame: (Vec::new(), Vec::new()),
        }
    }

    /// The party speaks another codec from now on, whose RTP clock has `clock_rate` Hz.
    pub fn set_received(&mut self, decoder: Box<dyn Decoder + Send>, clock_rate: u32) {
        self.received.set_codec(decoder, clock_rate);
    }

    /// The same for what the party is sent.
    pub fn set_sent(&mut self, decoder: Box<dyn Decoder + Send>, clock_rate: u32) {
        self.sent.set_codec(decoder, clock_rate);
    }

    /// Records nothing from `now_ns` on: silence, or, with `skips`, not even that.
    pub fn pause(&mut self, now_ns: u64, skips: bool) {
        if self.pause.is_none() {
            self.pause = Some(Paused {
                since_ns: now_ns,
                skips,
            });
        }
    }

    /// Goes on recording.
    pub fn resume(&mut self, now_ns: u64, out: &mut Vec<u8>) {
        let Some(pause) = self.pause else {
            return;
        };
        if pause.skips {
            self.write_until(self.samples_at(pause.since_ns), out);
            self.skipped_ns += now_ns.saturating_sub(pause.since_ns);
            self.received.restart();
            self.sent.restart();
        }
        self.pause = None;
    }

    /// A packet came from the party.
    pub fn on_received(&mut self, packet: &Packet<'_>) {
        if self.pause.is_some() {
            return;
        }
        let arrival = self.samples_at(packet.at_ns);
        self.received.put(self.done, packet, arrival);
    }

    /// A packet was sent to the party.
    pub fn on_sent(&mut self, packet: &Packet<'_>) {
        if !self.options.received_only && self.pause.is_none() {
            let arrival = self.samples_at(packet.at_ns);
            self.sent.put(self.done, packet, arrival);
        }
    }

    /// Appends to `out` what is done at `now_ns`, as the octets of a WAV file. Once it is over, it stays so.
    pub fn advance(&mut self, now_ns: u64, out: &mut Vec<u8>) -> Option<Over> {
        self.write_until(
            self.samples_at(now_ns.saturating_sub(HOLD_MS * 1_000_000)),
            out,
        )
    }

    /// Appends the rest up to `end_ns`.
    pub fn finish(&mut self, end_ns: u64, out: &mut Vec<u8>) {
        self.write_until(self.samples_at(end_ns), out);
    }

    /// Samples of each channel that the file is to keep: without silence at the end if that is cut.
    pub fn kept(&self) -> u64 {
        if !self.options.trim {
            return self.written;
        }
        let kept = self.last_sound + self.samples_of(MARGIN_MS);
        if self.is_cutting_start {
            0
        } else {
            kept.min(self.written)
        }
    }

    /// Octets of one sample of all channels.
    pub fn frame_octets(&self) -> u64 {
        if self.options.stereo { 4 } else { 2 }
    }

    /// Whether anything but silence was received.
    pub fn has_heard(&self) -> bool {
        self.has_heard
    }

    fn samples_at(&self, ns: u64) -> u64 {
        let ns = match self.pause {
            Some(pause) if pause.skips => ns.min(pause.since_ns),
            _ => ns,
        };
        let span = ns.saturating_sub(self.start_ns + self.skipped_ns);
        ticks(span, self.options.rate)
    }

    fn samples_of(&self, ms: u64) -> u64 {
        ms * u64::from(self.options.rate) / 1000
    }

    fn write_until(&mut self, end: u64, out: &mut Vec<u8>) -> Option<Over> {
        let frame = self.samples_of(FRAME_MS);
        loop {
            let mut count = frame.min(end.saturating_sub(self.done));
            if let Some(max_ms) = self.options.max_length_ms {
                let left = self.samples_of(max_ms).saturating_sub(self.written);
                if left == 0 {
                    return Some(Over::MaxLength);
                }
                count = count.min(left);
            }
            if count == 0 {
                return None;
            }
            self.write_frame(count as usize, out);
            if self
                .options
                .silence_ms
                .is_some_and(|max_ms| self.listener.silence_ms() >= max_ms)
            {
                return Some(Over::Silence);
            }
        }
    }

    fn write_frame(&mut self, count: usize, out: &mut Vec<u8>) {
        let (received, sent) = (&mut self.frame.0, &mut self.frame.1);
        received.clear();
        sent.clear();
        self.received.pop(self.done, count, received);
        self.sent.pop(self.done, count, sent);
        self.done += count as u64;
        self.listener.hear(received, |_| self.has_heard = true);
        let start = out.len();
        if self.options.stereo {
            out.resize(start + 4 * count, 0);
            let pairs = received.iter().zip(sent.iter());
            for (frame, (left, right)) in out[start..].chunks_exact_mut(4).zip(pairs) {
                frame[..2].copy_from_slice(&left.to_le_bytes());
                frame[2..].copy_from_slice(&right.to_le_bytes());
            }
        } else {
            out.resize(start + 2 * count, 0);
            let pairs = received.iter().zip(sent.iter());
            for (frame, (one, other)) in out[start..].chunks_exact_mut(2).zip(pairs) {
                frame.copy_from_slice(&one.saturating_add(*other).to_le_bytes());
            }
        }
        if self.options.trim {
            return self.cut(count, start, out);
        }
        self.written += count as u64;
    }

    /// Holds the last frame back until something is heard, and takes note of where the last sound was.
    fn cut(&mut self, count: usize, start: usize, out: &mut Vec<u8>) {
        for (one, other) in self.frame.0.iter_mut().zip(&self.frame.1) {
            *one = one.saturating_add(*other);
        }
        let (mut began, mut ended_ms) = (false, None);
        self.cutter.hear(&self.frame.0, |change| match change {
            Change::Began { .. } => began = true,
            Change::Ended { at_ms } => ended_ms = Some(at_ms),
        });
        if self.is_cutting_start {
            self.memory.extend(out.drain(start..));
            let max_octets = (self.samples_of(MEMORY_MS) * self.frame_octets()) as usize;
            let surplus = self.memory.len().saturating_sub(max_octets);
            self.memory.drain(..surplus);
            if !began {
                return;
            }
            self.is_cutting_start = false;
            // A beginning is reported 60 ms late; a margin before it is kept.
            let kept = (self.samples_of(MARGIN_MS + 80) * self.frame_octets()) as usize;
            let surplus = self.memory.len().saturating_sub(kept);
            out.extend(self.memory.drain(..).skip(surplus));
            self.written += (out.len() - start) as u64 / self.frame_octets();
        } else {
            self.written += count as u64;
        }
        if self.cutter.is_speaking() {
            self.last_sound = self.written;
        } else if let Some(ended_ms) = ended_ms {
            let cut = self.done - self.written;
            self.last_sound = self.samples_of(ended_ms).saturating_sub(cut);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::codecs;

    const MS: u64 = 1_000_000;
    const START: u64 = 77_000 * MS;
    const LOUD: [u8; 160] = [0x10; 160];

    fn open() -> Codec {
        Codec {
            received: codecs::open("PCMU", "").unwrap().1,
            sent: codecs::open("PCMU", "").unwrap().1,
            clock_rate: 8000,
        }
    }

    fn options() -> Options {
        Options {
            rate: 8000,
            stereo: false,
            received_only: false,
            trim: false,
            silence_ms: None,
            max_length_ms: None,
        }
    }

    fn packet(number: u64, late_ms: u64) -> Packet<'static> {
        Packet {
            place: Place {
                ssrc: 1,
                sequence: number as u16,
                timestamp: (number * 160) as u32,
            },
            at_ns: START + (number * 20 + late_ms) * MS,
            payload: &LOUD,
        }
    }

    fn samples(octets: &[u8]) -> Vec<i16> {
        octets
            .chunks_exact(2)
            .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
            .collect()
    }

    /// Records for `ms`, packets where `sounds` says so; returns the file's samples.
    fn record(
        recorder: &mut Recorder,
        ms: u64,
        sounds: impl Fn(u64) -> bool,
    ) -> (Vec<i16>, Option<Over>) {
        let mut out = Vec::new();
        for number in 0..ms / 20 {
            if sounds(number) {
                recorder.on_received(&packet(number, number % 3));
            }
            if let over @ Some(_) = recorder.advance(START + number * 20 * MS, &mut out) {
                return (samples(&out), over);
            }
        }
        recorder.finish(START + ms * MS, &mut out);
        (samples(&out), None)
    }

    #[test]
    fn losses_are_concealed_and_the_length_is_real() {
        let mut recorder = Recorder::new(options(), open(), START);
        let (file, _) = record(&mut recorder, 2000, |number| number % 4 != 3);
        assert_eq!((file.len(), recorder.kept()), (16_000, 16_000));
        // No packet follows the last loss, so it stays unknown.
        let silent = file.iter().filter(|sample| **sample == 0).count();
        assert_eq!(silent, 160);
        assert!(recorder.has_heard());
    }

    #[test]
    fn a_long_loss_fades_and_is_silence_then() {
        let mut recorder = Recorder::new(options(), open(), START);
        let (file, _) = record(&mut recorder, 1000, |number| !(10..20).contains(&number));
        assert!(file[1600..2000].iter().all(|sample| *sample != 0));
        assert!(file[2400..3200].iter().all(|sample| *sample == 0));
        assert_eq!(file.len(), 8000);
    }

    #[test]
    fn a_pause_of_the_source_is_silence() {
        let mut recorder = Recorder::new(options(), open(), START);
        let mut out = Vec::new();
        for number in (0..10).chain(20..30) {
            let mut packet = packet(number, 0);
            packet.place.sequence = number.min(10 + number % 10) as u16;
            recorder.on_received(&packet);
        }
        recorder.finish(START + 600 * MS, &mut out);
        assert!(samples(&out)[1600..3200].iter().all(|sample| *sample == 0));
    }

    /// Packets every 20 ms of one second, with a pause from 200 to 700 ms.
    fn record_with_a_pause(skips: bool) -> Vec<i16> {
        let mut recorder = Recorder::new(options(), open(), START);
        let mut out = Vec::new();
        for number in 0..50 {
            let now = START + number * 20 * MS;
            match number {
                10 => recorder.pause(now, skips),
                35 => recorder.resume(now, &mut out),
                _ => {}
            }
            recorder.advance(now, &mut out);
            recorder.on_received(&packet(number, 0));
        }
        recorder.finish(START + 1000 * MS, &mut out);
        samples(&out)
    }

    #[test]
    fn a_pause_is_silent_or_left_out() {
        let silent = record_with_a_pause(false);
        assert_eq!(silent.len(), 8000);
        assert!(silent[..1600].iter().all(|sample| *sample != 0));
        assert!(silent[1600..5600].iter().all(|sample| *sample == 0));
        assert!(silent[5600..].iter().all(|sample| *sample != 0));
        let skipped = record_with_a_pause(true);
        assert_eq!(skipped.len(), 4000);
        assert!(skipped.iter().all(|sample| *sample != 0));
    }

    #[test]
    fn a_packet_that_was_overtaken_takes_its_place_again() {
        let mut recorder = Recorder::new(options(), open(), START);
        let mut out = Vec::new();
        for number in [0, 1, 3, 2, 4] {
            recorder.on_received(&packet(number, 0));
        }
        recorder.finish(START + 100 * MS, &mut out);
        let file = samples(&out);
        assert_eq!(file[320..480], [file[0]; 160]);
        assert!(file[480..800].iter().all(|sample| *sample != 0));
    }

    #[test]
    fn nothing_at_all_is_as_long_as_it_lasted() {
        let mut recorder = Recorder::new(options(), open(), START);
        let (file, _) = record(&mut recorder, 1234, |_| false);
        assert_eq!(file.len(), 1234 * 8);
        assert!(!recorder.has_heard());
    }

    #[test]
    fn two_channels_are_received_left_and_sent_right() {
        let stereo = Options {
            stereo: true,
            ..options()
        };
        let mut recorder = Recorder::new(stereo, open(), START);
        let mut out = Vec::new();
        recorder.on_received(&packet(0, 0));
        recorder.on_sent(&packet(1, 0));
        recorder.finish(START + 60 * MS, &mut out);
        let file = samples(&out);
        assert_eq!(file.len(), 2 * 480);
        assert!(file[0] != 0 && file[1] == 0);
        assert!(file[2 * 170] == 0 && file[2 * 170 + 1] != 0);
    }

    #[test]
    fn a_mix_has_both_and_received_only_has_one() {
        for (received_only, expected) in [(false, 2), (true, 1)] {
            let mut recorder = Recorder::new(
                Options {
                    received_only,
                    ..options()
                },
                open(),
                START,
            );
            let mut out = Vec::new();
            recorder.on_received(&packet(0, 0));
            recorder.on_sent(&packet(0, 0));
            recorder.finish(START + 20 * MS, &mut out);
            let single = {
                let mut pcm = Vec::new();
                codecs::open("PCMU", "").unwrap().1.decode(&LOUD, &mut pcm);
                i32::from(pcm[0])
            };
            let saturated = i32::from(i16::MIN).max(single * expected);
            assert_eq!(i32::from(samples(&out)[0]), saturated);
        }
    }

    #[test]
    fn it_ends_at_its_greatest_length_exactly() {
        let bounded = Options {
            max_length_ms: Some(1010),
            ..options()
        };
        let mut recorder = Recorder::new(bounded, open(), START);
        let (file, over) = record(&mut recorder, 5000, |_| true);
        assert_eq!((file.len(), over), (8080, Some(Over::MaxLength)));
    }

    #[test]
    fn it_ends_after_silence() {
        let bounded = Options {
            silence_ms: Some(1000),
            ..options()
        };
        let mut recorder = Recorder::new(bounded, open(), START);
        let (file, over) = record(&mut recorder, 8000, |number| number < 100);
        assert_eq!(over, Some(Over::Silence));
        assert!(
            (3000 * 8..=3100 * 8).contains(&file.len()),
            "{}",
            file.len()
        );
    }

    #[test]
    fn silence_at_both_ends_is_cut() {
        let cut = Options {
            trim: true,
            ..options()
        };
        let mut recorder = Recorder::new(cut, open(), START);
        let (file, _) = record(&mut recorder, 5000, |number| (100..150).contains(&number));
        let kept = recorder.kept() as usize;
        assert!((1000 * 8..=1350 * 8).contains(&kept), "{kept}");
        assert!(file[..kept].iter().filter(|sample| **sample != 0).count() >= 7800);
        assert!(file[..160].iter().all(|sample| *sample == 0));
    }

    #[test]
    fn cutting_nothing_but_silence_leaves_nothing() {
        let mut recorder = Recorder::new(
            Options {
                trim: true,
                ..options()
            },
            open(),
            START,
        );
        record(&mut recorder, 3000, |_| false);
        assert_eq!((recorder.kept(), recorder.has_heard()), (0, false));
    }
}
