use proptest::prelude::*;

use super::*;
use crate::probe::{amplitude_at, decibels, level, tone};

const FRAME: usize = 160;

fn room(members: usize) -> Mixer {
    let mut mixer = Mixer::default();
    for _ in 0..members {
        mixer.add(Rate::Narrow, Role::default());
    }
    mixer
}

fn mix(mixer: &mut Mixer, frames: &[&[i16]]) {
    for (slot, frame) in frames.iter().enumerate() {
        mixer.input(slot, frame);
    }
    mixer.mix(|_| {});
}

/// What a member is sent.
fn heard(mixer: &Mixer, slot: usize, rate: Rate) -> Vec<i16> {
    let mut pcm = Vec::new();
    match mixer.heard(slot) {
        Heard::Nothing => {}
        Heard::Everybody => pcm.extend_from_slice(mixer.everybody(rate)),
        Heard::Own => mixer.own(slot, &mut pcm),
    }
    pcm
}

fn constant(level: i16) -> Vec<i16> {
    vec![level; FRAME]
}

#[test]
fn each_hears_the_others_and_not_itself() {
    let mut mixer = room(4);
    let frames: Vec<_> = [100, 200, 400, 0].map(constant).into();
    mix(
        &mut mixer,
        &frames.iter().map(Vec::as_slice).collect::<Vec<_>>(),
    );
    let sums = [600, 500, 300, 700];
    for (slot, sum) in sums.into_iter().enumerate() {
        assert_eq!(heard(&mixer, slot, Rate::Narrow), constant(sum), "{slot}");
    }
    assert_eq!(mixer.heard(3), Heard::Everybody);
}

#[test]
fn what_is_not_given_is_silence() {
    let mut mixer = room(2);
    mix(&mut mixer, &[&constant(1000)]);
    assert_eq!(heard(&mixer, 1, Rate::Narrow), constant(1000));
    mixer.mix(|_| {});
    assert_eq!(heard(&mixer, 1, Rate::Narrow), constant(0));
}

#[test]
fn muted_held_and_coaching_members_are_heard_by_whom_they_should() {
    let mut mixer = room(4);
    let role = Role::default();
    mixer.set_role(
        0,
        Role {
            speaks: false,
            ..role
        },
    );
    mixer.set_role(
        1,
        Role {
            hears: false,
            speaks: false,
            ..role
        },
    );
    mixer.set_role(
        2,
        Role {
            coaches: Some(3),
            ..role
        },
    );
    let loud = constant(1000);
    mix(&mut mixer, &[&loud, &loud, &constant(500), &constant(300)]);
    assert_eq!(heard(&mixer, 0, Rate::Narrow), constant(300), "muted");
    assert_eq!(mixer.heard(1), Heard::Nothing, "held");
    assert_eq!(heard(&mixer, 2, Rate::Narrow), constant(300), "the coach");
    assert_eq!(heard(&mixer, 3, Rate::Narrow), constant(500), "the coached");
    mixer.remove(3);
    assert_eq!(mixer.add(Rate::Narrow, role), 3);
    mix(&mut mixer, &[&loud, &loud, &constant(500), &constant(300)]);
    assert_eq!(
        heard(&mixer, 3, Rate::Narrow),
        constant(0),
        "another one in the place of the coached"
    );
}

#[test]
fn an_announcement_is_heard_however_soft_it_is() {
    let mut mixer = room(2);
    let role = Role {
        hears: false,
        is_announcement: true,
        ..Role::default()
    };
    let announcement = mixer.add(Rate::Full, role);
    mixer.remove(announcement);
    let announcement = mixer.add(Rate::Narrow, role);
    for _ in 0..100 {
        mixer.input(announcement, &constant(3));
        mixer.mix(|_| panic!("an announcement does not speak"));
        assert_eq!(heard(&mixer, 0, Rate::Narrow), constant(3));
    }
}

#[test]
fn of_many_who_speak_the_loudest_are_heard_and_stay() {
    let mut mixer = room(MAX_HEARD + 4);
    let frames: Vec<_> = (0..MAX_HEARD + 4)
        .map(|slot| constant(100 + slot as i16 * 10))
        .collect();
    let frames: Vec<_> = frames.iter().map(Vec::as_slice).collect();
    for _ in 0..10 {
        mix(&mut mixer, &frames);
    }
    let sum: i16 = (4..MAX_HEARD as i16 + 4).map(|slot| 100 + slot * 10).sum();
    assert_eq!(heard(&mixer, 0, Rate::Narrow), constant(sum));
    // Slightly louder than the softest that is heard: not enough to take its place.
    let louder = constant(150);
    let mut frames = frames;
    frames[0] = &louder;
    mix(&mut mixer, &frames);
    assert_eq!(heard(&mixer, 0, Rate::Narrow), constant(sum));
    // Much louder: it does, without a step in the sound.
    let shout = constant(2000);
    frames[0] = &shout;
    mix(&mut mixer, &frames);
    let changing = heard(&mixer, 1, Rate::Narrow);
    assert!(
        changing
            .windows(2)
            .all(|pair| (pair[0] - pair[1]).abs() < 40)
    );
    mix(&mut mixer, &frames);
    assert_eq!(heard(&mixer, 1, Rate::Narrow), constant(sum - 140 + 2000));
}

#[test]
fn who_speaks_is_reported_once_and_when_it_ceases() {
    let mut mixer = room(2);
    let mut reported = Vec::new();
    let noise = crate::probe::noise(3, FRAME * 200, 5.0);
    let voice = crate::probe::speech(3, 8000, FRAME * 200);
    for frame in 0..200 {
        let at = frame * FRAME..(frame + 1) * FRAME;
        let sound = if (50..100).contains(&frame) {
            &voice
        } else {
            &noise
        };
        mixer.input(0, &sound[at.clone()]);
        mixer.input(1, &noise[at]);
        mixer.mix(|change| reported.push((frame, change)));
    }
    let [(began, first), (ceased, last)] = reported[..] else {
        panic!("{reported:?}");
    };
    assert_eq!((first.member, first.speaks, last.speaks), (0, true, false));
    assert!((52..60).contains(&began), "{began}");
    assert!((110..170).contains(&ceased), "{ceased}");
}

#[test]
fn a_tone_goes_through_every_pair_of_rates_without_a_click() {
    for from in Rate::ALL {
        for to in Rate::ALL {
            let mut mixer = Mixer::default();
            let speaker = mixer.add(from, Role::default());
            let listener = mixer.add(to, Role::default());
            let sound = tone(1000.0, from.hertz(), from.frame() * 200, 8000.0);
            let mut pcm = Vec::new();
            for frame in sound.chunks_exact(from.frame()) {
                mixer.input(speaker, frame);
                mixer.mix(|_| {});
                pcm.extend(heard(&mixer, listener, to));
            }
            assert_eq!(pcm.len(), to.frame() * 200);
            let settled = &pcm[to.frame() * 10..];
            let strength = amplitude_at(1000.0, to.hertz(), settled);
            assert!(decibels(strength / 8000.0).abs() < 0.1, "{from:?} {to:?}");
            let period = to.hertz() as usize / 1000;
            let rest: Vec<i16> = settled
                .iter()
                .zip(&settled[period..])
                .map(|(a, b)| a - b)
                .collect();
            assert!(level(&rest) < 3.0, "{from:?} to {to:?}: {}", level(&rest));
        }
    }
}

proptest! {
    #[test]
    fn it_is_the_sum_of_all_others(
        frames in proptest::collection::vec(proptest::collection::vec(any::<i16>(), FRAME), 1..=MAX_HEARD),
    ) {
        let mut mixer = room(frames.len() + 1);
        mix(&mut mixer, &frames.iter().map(Vec::as_slice).collect::<Vec<_>>());
        for slot in 0..=frames.len() {
            let expected: Vec<i16> = (0..FRAME).map(|at| {
                let others = frames.iter().enumerate().filter(|(other, _)| *other != slot);
                saturated(others.map(|(_, frame)| i32::from(frame[at])).sum())
            }).collect();
            prop_assert_eq!(heard(&mixer, slot, Rate::Narrow), expected);
        }
    }

    #[test]
    fn silence_in_is_silence_out(level in 0i16..30, members in 1usize..20, seed: u32) {
        let mut mixer = room(members);
        for frame in 0..20 {
            let noise = crate::probe::noise(seed ^ frame, FRAME, f64::from(level));
            mix(&mut mixer, &vec![&noise[..]; members]);
            for slot in 0..members {
                prop_assert_eq!(heard(&mixer, slot, Rate::Narrow), constant(0));
            }
        }
    }

    #[test]
    fn no_sample_of_a_speaker_is_lost(
        pieces in proptest::collection::vec((100i16..3000, 0usize..45), 1..8),
    ) {
        // Bursts with pauses shorter than the hangover: all of it is heard, the pauses too.
        let mut mixer = room(2);
        let mut sent = Vec::new();
        let mut received = Vec::new();
        for (level, pause) in pieces {
            for frame in std::iter::once(constant(level)).chain((0..pause).map(|_| constant(7))) {
                sent.extend_from_slice(&frame);
                mix(&mut mixer, &[&frame]);
                received.extend(heard(&mixer, 1, Rate::Narrow));
            }
        }
        prop_assert_eq!(received, sent);
    }
}
