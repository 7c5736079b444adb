//! How a conversation would be judged: a mean opinion score by the E-model (ITU-T G.107), from what can be
//! measured at the receiving end.

/// What a codec costs: equipment impairment and robustness against loss (ITU-T G.113 appendix I).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Robustness {
    impairment: f64,
    loss_robustness: f64,
}

/// By encoding name; unknown codecs are taken for G.711 with concealment.
pub fn robustness(codec: &str) -> Robustness {
    let (impairment, loss_robustness) = match codec.to_ascii_lowercase().as_str() {
        "g722" => (0.0, 13.0),
        "opus" => (0.0, 30.0),
        _ => (0.0, 25.1),
    };
    Robustness {
        impairment,
        loss_robustness,
    }
}

/// From 1.0 to 4.5. `loss` is a fraction of the packets, delays are in milliseconds.
pub fn estimate(codec: Robustness, loss: f64, jitter_ms: f64, round_trip_ms: f64) -> f64 {
    // One way: half the round trip, the listener's jitter buffer (twice the jitter), one packet of 20 ms.
    let delay = round_trip_ms / 2.0 + 2.0 * jitter_ms + 20.0;
    let delay_impairment = 0.024 * delay + 0.11 * (delay - 177.3).max(0.0);
    let percent = 100.0 * loss.clamp(0.0, 1.0);
    let loss_impairment =
        codec.impairment + (95.0 - codec.impairment) * percent / (percent + codec.loss_robustness);
    let rating = (93.2 - delay_impairment - loss_impairment).clamp(0.0, 100.0);
    (1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6).clamp(1.0, 4.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_line_is_very_good_and_loss_and_delay_make_it_worse() {
        let codec = robustness("PCMU");
        let clean = estimate(codec, 0.0, 0.0, 0.0);
        assert!((4.3..=4.5).contains(&clean), "{clean}");
        let lossy = estimate(codec, 0.05, 0.0, 0.0);
        assert!((3.2..=4.0).contains(&lossy), "{lossy}");
        assert!(estimate(codec, 0.0, 0.0, 800.0) < lossy);
        assert!(estimate(codec, 0.05, 20.0, 0.0) < lossy);
    }

    #[test]
    fn it_stays_on_the_scale() {
        let worst = estimate(robustness("G722"), 1.0, 500.0, 5000.0);
        assert!((worst - 1.0).abs() < 0.01, "{worst}");
    }
}
