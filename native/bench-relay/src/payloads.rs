//! What the parties say: a second of something like a voice, encoded once, said again and again.

use std::f32::consts::TAU;

use media_core::codec::codecs;

/// Packets of 20 ms in a second.
const PACKETS: usize = 50;

/// What one kind of leg sends.
pub(crate) struct Payloads {
    pub(crate) payload_type: u8,
    /// Of the RTP clock, for each packet.
    pub(crate) ticks: u32,
    pub(crate) packets: Vec<Vec<u8>>,
}

/// By the name that SDP has for the codec.
pub(crate) fn of(name: &str) -> Option<Payloads> {
    let (payload_type, ticks) = match name {
        "PCMU" => (0, 160),
        "PCMA" => (8, 160),
        "G722" => (9, 160),
        "opus" => (111, 960),
        _ => return None,
    };
    let (mut encoder, _) = codecs::open(name, "").ok()?;
    let samples = encoder.sample_rate() as usize / PACKETS;
    let voice: Vec<i16> = (0..samples * PACKETS)
        .map(|at| voice(at as f32 / encoder.sample_rate() as f32))
        .collect();
    let packets = voice
        .chunks(samples)
        .map(|pcm| {
            let mut payload = Vec::new();
            encoder.encode(pcm, &mut payload);
            payload
        })
        .collect();
    Some(Payloads {
        payload_type,
        ticks,
        packets,
    })
}

/// Harmonics of a pitch that rises and falls, louder and softer four times a second.
fn voice(at: f32) -> i16 {
    let phase = TAU * (120.0 * at - 4.0 * (TAU * at).cos());
    let harmonics: f32 = (1..20).map(|n| (phase * n as f32).sin() / n as f32).sum();
    let loudness = 0.55 - 0.45 * (TAU * 4.0 * at).cos();
    (harmonics * loudness * 8000.0) as i16
}
