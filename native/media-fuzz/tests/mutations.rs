//! Every target over the corpus and its mutations: a short run for each build; `make fuzz` is the long one.

use std::sync::LazyLock;

use media_fuzz::{TARGETS, seeds};
use proptest::prelude::*;
use proptest::sample::Index;

static SEEDS: LazyLock<Vec<(&str, Vec<u8>)>> =
    LazyLock::new(|| seeds::read(&seeds::folder()).expect("the corpus is readable"));

#[derive(Debug, Clone)]
enum Edit {
    Set(Index, u8),
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    Cut(Index, u8),
    Repeat(Index, u8),
}

impl Edit {
    fn apply(&self, input: &mut Vec<u8>) {
        let within = |at: &Index, length: usize| at.index(length.max(1)).min(length);
        let length = input.len();
        match self {
            Self::Set(at, octet) if length > 0 => input[at.index(length)] = *octet,
            Self::Flip(at, bit) if length > 0 => input[at.index(length)] ^= 1 << (bit % 8),
            Self::Set(..) | Self::Flip(..) => {}
            Self::Insert(at, octets) => {
                let at = within(at, length);
                input.splice(at..at, octets.iter().copied());
            }
            Self::Cut(at, count) => {
                let at = within(at, length);
                input.drain(at..length.min(at + usize::from(*count)));
            }
            Self::Repeat(at, count) => {
                let at = within(at, length);
                let again = input[at..length.min(at + usize::from(*count))].to_vec();
                input.splice(at..at, again);
            }
        }
    }
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        (
            any::<Index>(),
            prop_oneof![Just(0), Just(0xff), any::<u8>()]
        )
            .prop_map(|(at, octet)| Edit::Set(at, octet)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, bit)| Edit::Flip(at, bit)),
        (any::<Index>(), prop::collection::vec(any::<u8>(), 1..40))
            .prop_map(|(at, octets)| Edit::Insert(at, octets)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, count)| Edit::Cut(at, count)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, count)| Edit::Repeat(at, count)),
    ];
    prop::collection::vec(edit, 0..12)
}

proptest! {
    #[test]
    fn anything_on_a_media_port_is_survived(which: Index, edits in edits()) {
        let (_, seed) = which.get(&SEEDS);
        let mut input = seed.clone();
        for edit in &edits {
            edit.apply(&mut input);
        }
        for (_, target) in TARGETS {
            target(&input);
        }
    }
}

#[test]
fn the_corpus_itself_is_survived() {
    assert!(
        TARGETS
            .iter()
            .all(|(name, _)| SEEDS.iter().any(|(target, _)| target == name))
    );
    for (name, input) in SEEDS.iter() {
        let (_, target) = TARGETS.iter().find(|(each, _)| each == name).unwrap();
        target(input);
    }
}
