//! The ringing tones of the world: what sounds, and for how long (ITU-T E.180 Supplement 2).

/// Sounds and silences of one pattern, together.
pub(crate) const MAX_PATTERN: usize = 4;

/// What sounds, frequencies in Hz.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Voice {
    Single(f32),
    Pair(f32, f32),
    /// A carrier, and what its loudness is modulated by.
    Modulated(f32, f32),
}

/// A voice and its pattern: milliseconds of sound and of silence by turns, over and over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cadence {
    pub(crate) voice: Voice,
    pub(crate) pattern_ms: &'static [u16],
}

const fn cadence(voice: Voice, pattern_ms: &'static [u16]) -> Cadence {
    Cadence { voice, pattern_ms }
}

use Voice::{Modulated, Pair, Single};

/// One second in five: the European recommendation.
const EUROPEAN: Cadence = cadence(Single(425.0), &[1_000, 4_000]);
const AMERICAN: Cadence = cadence(Pair(440.0, 480.0), &[2_000, 4_000]);
const BRITISH: &[u16] = &[400, 200, 400, 2_000];

/// The ringing tone of `country`, the American one if it is unknown.
pub(crate) fn of_country(country: &str) -> Cadence {
    match country.to_ascii_lowercase().as_str() {
        "at" => cadence(Single(420.0), &[1_000, 5_000]),
        "au" => cadence(Pair(413.0, 438.0), BRITISH),
        "be" => cadence(Single(425.0), &[1_000, 3_000]),
        "cl" | "il" => cadence(Single(400.0), &[1_000, 3_000]),
        "cn" => cadence(Single(450.0), &[1_000, 4_000]),
        "es" => cadence(Single(425.0), &[1_500, 3_000]),
        "fr" => cadence(Single(440.0), &[1_500, 3_500]),
        "hu" => cadence(Single(425.0), &[1_250, 3_750]),
        "in" => cadence(Modulated(400.0, 25.0), BRITISH),
        "jp" => cadence(Modulated(400.0, 15.0), &[1_000, 2_000]),
        "my" => cadence(Single(425.0), BRITISH),
        "nz" | "uk" => cadence(Pair(400.0, 450.0), BRITISH),
        "ph" => cadence(Pair(425.0, 480.0), &[1_000, 4_000]),
        "pt" | "se" => cadence(Single(425.0), &[1_000, 5_000]),
        "ru" => cadence(Single(425.0), &[800, 3_200]),
        "sg" => cadence(Modulated(425.0, 24.0), BRITISH),
        "th" => cadence(Single(400.0), &[1_000, 4_000]),
        "tw" => cadence(Pair(440.0, 480.0), &[1_000, 2_000]),
        "us-old" => cadence(Modulated(420.0, 40.0), &[2_000, 4_000]),
        "za" => cadence(Modulated(400.0, 33.0), BRITISH),
        "bg" | "br" | "ch" | "cz" | "de" | "dk" | "ee" | "fi" | "gr" | "it" | "lt" | "mx"
        | "nl" | "no" | "pl" | "ve" => EUROPEAN,
        _ => AMERICAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of the `ringTone` attribute.
    const COUNTRIES: &str = "at au bg br be ch cl cn cz de dk ee es fi fr gr hu il in it lt jp mx my nl no nz ph pl \
                             pt ru se sg th uk us us-old tw ve za";

    #[test]
    fn every_country_has_a_pattern_that_fits() {
        for country in COUNTRIES.split_whitespace() {
            let found = of_country(country);
            assert!(
                found.pattern_ms.len().is_multiple_of(2) && found.pattern_ms.len() <= MAX_PATTERN
            );
            assert!(country == "us" || found != AMERICAN, "{country}");
        }
    }
}
