//! What a stream plays by itself: prompts and tones, packet by packet.

use std::sync::Arc;

use media_core::samples::resample::Resampler;
use media_core::tone::Tone;

/// Audio that streams share: mono samples and their rate.
#[derive(Debug, Clone)]
pub(crate) struct Samples {
    pub(crate) pcm: Arc<[i16]>,
    pub(crate) rate: u32,
}

/// A prompt as it is being played.
#[derive(Debug)]
pub(crate) struct PromptPlayer {
    samples: Samples,
    position: usize,
    /// `None`: without end.
    loops_left: Option<u32>,
}

impl PromptPlayer {
    /// `loops` 0 plays without end.
    pub(crate) fn new(samples: Samples, loops: u32) -> Self {
        Self {
            loops_left: (loops > 0).then_some(loops),
            samples,
            position: 0,
        }
    }

    /// Samples per second of what [`fill`](Self::fill) yields.
    pub(crate) fn rate(&self) -> u32 {
        self.samples.rate
    }

    /// Appends up to `count` samples; fewer only at the end.
    pub(crate) fn fill(&mut self, count: usize, pcm: &mut Vec<i16>) {
        let wanted = pcm.len() + count;
        while pcm.len() < wanted && self.loops_left != Some(0) && !self.samples.pcm.is_empty() {
            let rest = &self.samples.pcm[self.position..];
            let taken = rest.len().min(wanted - pcm.len());
            pcm.extend_from_slice(&rest[..taken]);
            self.position += taken;
            if self.position == self.samples.pcm.len() {
                self.position = 0;
                self.loops_left = self.loops_left.map(|left| left - 1);
            }
        }
    }
}

/// A tone by its name; made when the rate is known.
#[derive(Debug, Clone)]
pub(crate) enum ToneName {
    /// The ringing tone of a country.
    Ringing(String),
    /// Before a recording.
    Beep,
}

/// What is played, whatever the rate of the codec is, and may become while it is played.
pub(crate) struct Sound {
    source: Source,
    rate: u32,
}

enum Source {
    Prompt(PromptPlayer, Option<Resampler>, Vec<i16>),
    Tone(ToneName, Option<Tone>),
}

impl Sound {
    pub(crate) fn prompt(samples: Samples, loops: u32) -> Self {
        let source = Source::Prompt(PromptPlayer::new(samples, loops), None, Vec::new());
        Self { source, rate: 0 }
    }

    pub(crate) fn tone(name: ToneName) -> Self {
        let source = Source::Tone(name, None);
        Self { source, rate: 0 }
    }

    /// Appends up to `count` samples at `rate` Hz; fewer only at the end.
    pub(crate) fn fill(&mut self, count: usize, rate: u32, pcm: &mut Vec<i16>) {
        let is_new_rate = std::mem::replace(&mut self.rate, rate) != rate;
        match &mut self.source {
            Source::Prompt(player, resampler, rest) => {
                if is_new_rate {
                    let from = player.rate();
                    *resampler = Resampler::new(from, rate).filter(|_| from != rate);
                    rest.clear();
                }
                match resampler {
                    None => player.fill(count, pcm),
                    Some(resampler) => fill_resampled(player, resampler, rest, (count, rate), pcm),
                }
            }
            Source::Tone(name, tone) => {
                if is_new_rate {
                    *tone = Some(match name {
                        ToneName::Ringing(country) => Tone::ringing(country, rate),
                        ToneName::Beep => Tone::beep(rate),
                    });
                }
                if let Some(tone) = tone {
                    tone.fill(count, pcm);
                }
            }
        }
    }
}

fn fill_resampled(
    player: &mut PromptPlayer,
    resampler: &mut Resampler,
    rest: &mut Vec<i16>,
    (count, rate): (usize, u32),
    pcm: &mut Vec<i16>,
) {
    while rest.len() < count {
        // Some samples more, since a resampler may hold back a few.
        let wanted = (count - rest.len()) * player.rate() as usize / rate as usize + 8;
        let start = pcm.len();
        player.fill(wanted, pcm);
        if pcm.len() == start {
            break;
        }
        resampler.resample(&pcm[start..], rest);
        pcm.truncate(start);
    }
    let taken = rest.len().min(count);
    pcm.extend(rest.drain(..taken));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn player(loops: u32) -> PromptPlayer {
        let pcm = [1, 2, 3, 4, 5].into();
        PromptPlayer::new(Samples { pcm, rate: 8000 }, loops)
    }

    fn packets(player: &mut PromptPlayer, limit: usize) -> Vec<Vec<i16>> {
        std::iter::from_fn(|| {
            let mut pcm = Vec::new();
            player.fill(3, &mut pcm);
            (!pcm.is_empty()).then_some(pcm)
        })
        .take(limit)
        .collect()
    }

    #[test]
    fn loops_follow_one_another_within_a_packet() {
        let expected: [&[i16]; 4] = [&[1, 2, 3], &[4, 5, 1], &[2, 3, 4], &[5]];
        assert_eq!(packets(&mut player(2), 10), expected);
    }

    #[test]
    fn zero_loops_have_no_end() {
        assert_eq!(packets(&mut player(0), 100).len(), 100);
    }

    #[test]
    fn a_prompt_of_another_rate_is_as_long_as_it_was() {
        let pcm = vec![1000; 16_000].into();
        let mut sound = Sound::prompt(Samples { pcm, rate: 16_000 }, 1);
        let mut pcm = Vec::new();
        while {
            let before = pcm.len();
            sound.fill(160, 8000, &mut pcm);
            pcm.len() > before
        } {}
        assert!((7900..=8000).contains(&pcm.len()), "{}", pcm.len());
        assert!(
            pcm[200..7800]
                .iter()
                .all(|sample| (990..=1010).contains(sample))
        );
    }

    #[test]
    fn a_tone_goes_on_when_the_rate_changes() {
        let mut sound = Sound::tone(ToneName::Ringing("de".to_owned()));
        let mut pcm = Vec::new();
        sound.fill(160, 8000, &mut pcm);
        sound.fill(320, 16_000, &mut pcm);
        assert_eq!(pcm.len(), 480);
    }

    #[test]
    fn an_empty_prompt_is_over_at_once() {
        let pcm = [].into();
        assert!(packets(&mut PromptPlayer::new(Samples { pcm, rate: 8000 }, 0), 10).is_empty());
    }
}
