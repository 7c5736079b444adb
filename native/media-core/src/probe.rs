//! Signals and measurements for tests: tones, speech-like sound, levels, likeness.

use std::f64::consts::TAU;

/// A sine of `amplitude` at `hertz`.
pub(crate) fn tone(hertz: f64, sample_rate: u32, samples: usize, amplitude: f64) -> Vec<i16> {
    (0..samples)
        .map(|index| {
            let phase = TAU * hertz * index as f64 / f64::from(sample_rate);
            (amplitude * phase.sin()).round() as i16
        })
        .collect()
}

/// Even noise of `amplitude`, the same for the same `seed`.
pub(crate) fn noise(seed: u32, samples: usize, amplitude: f64) -> Vec<i16> {
    let mut state = seed.wrapping_mul(2) | 1;
    (0..samples)
        .map(|_| (amplitude * random(&mut state)) as i16)
        .collect()
}

/// Syllables: a buzz of changing pitch through moving formants, hissing consonants and pauses.
pub(crate) fn speech(seed: u32, sample_rate: u32, samples: usize) -> Vec<i16> {
    let mut state = seed.wrapping_mul(2) | 1;
    let rate = f64::from(sample_rate);
    let spread = f64::from(seed % 7) * 0.13;
    let mut phase = 0.0;
    let mut formants = [[0.0_f64; 2]; 3];
    let mut sound = Vec::with_capacity(samples);
    for index in 0..samples {
        let time = index as f64 / rate + f64::from(seed % 101);
        let pitch = 120.0 + 60.0 * spread + 40.0 * (TAU * 0.6 * time).sin();
        phase += pitch / rate;
        let pulse = if phase >= 1.0 { 6.0 } else { 0.0 };
        phase %= 1.0;
        let (beat, breath) = ((time * 4.3).fract(), (time * 0.6).fract());
        let hiss = random(&mut state);
        let source = match (breath < 0.8, beat < 0.65) {
            (false, _) => 0.0005 * hiss,
            (true, true) => pulse + 0.02 * hiss,
            (true, false) => 0.3 * hiss,
        };
        let centres = [
            500.0 + 300.0 * (TAU * (0.9 + spread) * time).sin(),
            1_500.0 + 600.0 * (TAU * (1.3 + spread) * time).sin(),
            2_600.0 + 200.0 * (TAU * 0.4 * time).sin(),
        ];
        let mut value = source;
        for (centre, memory) in centres.iter().zip(&mut formants) {
            let radius = (-std::f64::consts::PI * 120.0 / rate).exp();
            let resonance = 2.0 * radius * (TAU * centre / rate).cos();
            let next =
                (1.0 - radius) * 4.0 * value + resonance * memory[0] - radius * radius * memory[1];
            *memory = [next, memory[0]];
            value = next;
        }
        sound.push(value);
    }
    let peak = sound
        .iter()
        .fold(1e-9_f64, |peak, value| peak.max(value.abs()));
    sound
        .iter()
        .map(|value| (12_000.0 * value / peak) as i16)
        .collect()
}

fn random(state: &mut u32) -> f64 {
    *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    f64::from(*state >> 8) / f64::from(1_u32 << 23) - 1.0
}

/// Root mean square.
pub(crate) fn level(sound: &[i16]) -> f64 {
    let power: f64 = sound.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    (power / sound.len().max(1) as f64).sqrt()
}

/// The amplitude of the part of `sound` that is at `hertz`, looked at through a Blackman window.
pub(crate) fn amplitude_at(hertz: f64, sample_rate: u32, sound: &[i16]) -> f64 {
    let length = sound.len() as f64;
    let (mut real, mut imaginary, mut weights) = (0.0, 0.0, 0.0);
    for (index, &sample) in sound.iter().enumerate() {
        let place = TAU * index as f64 / length;
        let weight = 0.42 - 0.5 * place.cos() + 0.08 * (2.0 * place).cos();
        let phase = TAU * hertz * index as f64 / f64::from(sample_rate);
        real += weight * f64::from(sample) * phase.cos();
        imaginary += weight * f64::from(sample) * phase.sin();
        weights += weight;
    }
    2.0 * real.hypot(imaginary) / weights
}

/// How far the noise in `got` is below the signal, in dB, at the delay (up to `max_delay`) that suits it
/// best.
pub(crate) fn signal_to_noise(sent: &[i16], got: &[i16], max_delay: usize) -> f64 {
    let length = sent.len().min(got.len()) - max_delay;
    (0..=max_delay)
        .map(|delay| {
            let (mut signal, mut error) = (0.0, 1e-9);
            for (&one, &other) in sent[..length].iter().zip(&got[delay..]) {
                signal += f64::from(one).powi(2);
                error += (f64::from(one) - f64::from(other)).powi(2);
            }
            decibels((signal / error).sqrt())
        })
        .fold(f64::MIN, f64::max)
}

pub(crate) fn decibels(ratio: f64) -> f64 {
    20.0 * ratio.log10()
}
