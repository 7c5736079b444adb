//! Packet loss concealment for codecs that have none of their own, after the idea of G.711 Appendix I: the
//! last pitch period goes on, at full strength for 10 ms, then fades to silence at 60 ms; what follows the
//! loss is faded in.
//!
//! Deviations: Appendix I delays all output by 3.75 ms so that it can blend the sound before a loss into the
//! repeated period. We add no delay: the first quarter period after the loss is blended with the last sound
//! played backwards, which begins exactly where the line was cut. And one period is repeated all along, where
//! the appendix goes to two and three.

const SHORTEST_PERIOD_MS: f32 = 5.0;
const MAX_PERIOD_MS: f32 = 15.0;
/// The stretch of sound in which the period is looked for.
const WINDOW_MS: f32 = 20.0;
const FULL_STRENGTH_MS: f32 = 10.0;
const SILENT_AFTER_MS: f32 = 60.0;
const MAX_BLEND_MS: f32 = 10.0;
/// How much longer the fading in takes for every sample that was lost (Appendix I: 4 ms for every 10 ms).
const BLEND_PER_LOST: f32 = 0.4;

/// Listens to a stream of samples and goes on for it where packets are missing.
pub struct Concealer {
    samples_per_ms: f32,
    /// The last sound, oldest first; what was concealed counts as heard.
    history: Box<[i16]>,
    /// One pitch period whose end flows into its beginning; set when a loss begins.
    cycle: Vec<f32>,
    /// The last quarter period before the loss, played backwards; set when a loss begins.
    echo: Vec<f32>,
    position: usize,
    /// Samples concealed since a packet was heard.
    lost: usize,
}

impl Concealer {
    pub fn new(sample_rate: u32) -> Self {
        let samples_per_ms = sample_rate as f32 / 1_000.0;
        let max_period = (samples_per_ms * MAX_PERIOD_MS) as usize;
        let window = (samples_per_ms * WINDOW_MS) as usize;
        Self {
            samples_per_ms,
            history: vec![0; max_period + window].into_boxed_slice(),
            cycle: Vec::with_capacity(max_period),
            echo: Vec::with_capacity(max_period / 4),
            position: 0,
            lost: 0,
        }
    }

    /// Notes the samples of a packet; the first after a loss is changed in place, so that it grows out of
    /// what was played meanwhile.
    pub fn heard(&mut self, pcm: &mut [i16]) {
        if self.lost > 0 {
            self.blend_in(pcm);
            self.lost = 0;
        }
        self.remember(pcm);
    }

    /// Appends `samples` samples in place of what was lost.
    pub fn conceal(&mut self, samples: usize, pcm: &mut Vec<i16>) {
        if self.lost == 0 {
            self.begin_loss();
        }
        let begin = pcm.len();
        for _ in 0..samples {
            let sample = self.next_sample();
            pcm.push(sample as i16);
        }
        self.remember(&pcm[begin..]);
    }

    fn next_sample(&mut self) -> f32 {
        let mut sample = self.cycle[self.position];
        self.position = (self.position + 1) % self.cycle.len();
        if let Some(before) = self.echo.get(self.lost) {
            let weight = (self.lost + 1) as f32 / (self.echo.len() + 1) as f32;
            sample = weight * sample + (1.0 - weight) * before;
        }
        let lost_ms = self.lost as f32 / self.samples_per_ms;
        let fade = (SILENT_AFTER_MS - lost_ms) / (SILENT_AFTER_MS - FULL_STRENGTH_MS);
        self.lost += 1;
        sample * fade.clamp(0.0, 1.0)
    }

    fn blend_in(&mut self, pcm: &mut [i16]) {
        let wanted = self.cycle.len() as f32 / 4.0 + self.lost as f32 * BLEND_PER_LOST;
        let max_length = self.samples_per_ms * MAX_BLEND_MS;
        let length = (wanted.min(max_length) as usize).min(pcm.len());
        for (index, sample) in pcm[..length].iter_mut().enumerate() {
            let weight = (index + 1) as f32 / (length + 1) as f32;
            *sample = (weight * f32::from(*sample) + (1.0 - weight) * self.next_sample()) as i16;
        }
    }

    fn begin_loss(&mut self) {
        let period = self.find_period();
        let quarter = period / 4;
        let end = self.history.len();
        let recent = &self.history[end - period..];
        self.cycle.clear();
        self.cycle
            .extend(recent.iter().map(|&sample| f32::from(sample)));
        self.echo.clear();
        self.echo.extend(
            recent
                .iter()
                .rev()
                .take(quarter)
                .map(|&sample| f32::from(sample)),
        );
        // The end of the cycle becomes what came before its beginning, one period earlier.
        let earlier = &self.history[end - period - quarter..end - period];
        for (index, (sample, &before)) in self.cycle[period - quarter..]
            .iter_mut()
            .zip(earlier)
            .enumerate()
        {
            let weight = (index + 1) as f32 / quarter as f32;
            *sample += weight * (f32::from(before) - *sample);
        }
        self.position = 0;
    }

    /// The lag at which the last 20 ms resemble themselves most.
    fn find_period(&self) -> usize {
        let shortest = (self.samples_per_ms * SHORTEST_PERIOD_MS) as usize;
        let max_period = (self.samples_per_ms * MAX_PERIOD_MS) as usize;
        let coarse = self.best_lag((shortest..=max_period).step_by(2), 2);
        self.best_lag(
            coarse.saturating_sub(1).max(shortest)..=(coarse + 1).min(max_period),
            1,
        )
    }

    fn best_lag(&self, lags: impl Iterator<Item = usize>, stride: usize) -> usize {
        let window = (self.samples_per_ms * WINDOW_MS) as usize;
        let begin = self.history.len() - window;
        let mut best = (
            (self.samples_per_ms * SHORTEST_PERIOD_MS) as usize,
            f32::MIN,
        );
        for lag in lags {
            let (mut product, mut energy) = (0.0_f32, 1.0_f32);
            let now = self.history[begin..].iter().step_by(stride);
            let earlier = self.history[begin - lag..].iter().step_by(stride);
            for (&sample, &before) in now.zip(earlier) {
                product += f32::from(sample) * f32::from(before);
                energy += f32::from(before) * f32::from(before);
            }
            let likeness = product / energy.sqrt();
            if likeness > best.1 {
                best = (lag, likeness);
            }
        }
        best.0
    }

    fn remember(&mut self, pcm: &[i16]) {
        let length = self.history.len();
        let kept = length.saturating_sub(pcm.len());
        self.history.copy_within(length - kept.., 0);
        self.history[kept..].copy_from_slice(&pcm[pcm.len() - (length - kept)..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 8_000;

    fn tone(hertz: f32, range: std::ops::Range<usize>) -> Vec<i16> {
        range
            .map(|index| {
                let phase = index as f32 * hertz * std::f32::consts::TAU / RATE as f32;
                (8_000.0 * phase.sin()) as i16
            })
            .collect()
    }

    fn energy(pcm: &[i16]) -> f32 {
        pcm.iter()
            .map(|&sample| f32::from(sample).powi(2))
            .sum::<f32>()
            / pcm.len() as f32
    }

    fn largest_step(pcm: &[i16]) -> i32 {
        pcm.windows(2)
            .map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs())
            .max()
            .unwrap()
    }

    /// A stream of 20 ms packets of which `lost` are missing.
    fn stream_with_losses(sound: &[i16], lost: &[usize]) -> Vec<i16> {
        let mut concealer = Concealer::new(RATE);
        let mut heard = Vec::new();
        for (index, packet) in sound.chunks(160).enumerate() {
            if lost.contains(&index) {
                concealer.conceal(packet.len(), &mut heard);
            } else {
                let begin = heard.len();
                heard.extend_from_slice(packet);
                concealer.heard(&mut heard[begin..]);
            }
        }
        heard
    }

    #[test]
    fn one_lost_packet_of_a_steady_sound_is_hardly_missed() {
        let sound = tone(125.0, 0..1_600);
        let heard = stream_with_losses(&sound, &[4]);
        assert_eq!(heard.len(), sound.len());
        let differences: Vec<i16> = sound.iter().zip(&heard).map(|(a, b)| a - b).collect();
        assert!(energy(&differences[640..960]) < energy(&sound) / 10.0);
        assert_eq!(heard[..640], sound[..640]);
        assert_eq!(heard[960..], sound[960..]);
    }

    #[test]
    fn neither_end_of_a_loss_clicks() {
        for hertz in [97.0, 140.0, 203.0, 311.0] {
            let sound = tone(hertz, 0..3_200);
            let heard = stream_with_losses(&sound, &[5, 6, 11, 15, 16, 17]);
            assert!(
                largest_step(&heard) < 2 * largest_step(&sound),
                "{hertz} Hz: {} and {}",
                largest_step(&heard),
                largest_step(&sound)
            );
        }
    }

    #[test]
    fn a_long_loss_fades_to_silence() {
        let sound = tone(150.0, 0..3_200);
        let heard = stream_with_losses(&sound, &[5, 6, 7, 8, 9]);
        assert!(energy(&heard[800..880]) > energy(&sound) / 2.0);
        assert!(energy(&heard[1_120..1_280]) < energy(&sound) / 10.0);
        assert_eq!(heard[1_280..1_600], [0; 320]);
    }

    #[test]
    fn a_loss_before_any_sound_is_silence() {
        let mut heard = Vec::new();
        Concealer::new(16_000).conceal(320, &mut heard);
        assert_eq!(heard, vec![0; 320]);
    }
}
