//! What a party may send, and what it sends: formats of the present agreement, and for a while those of the one
//! before it.
//!
//! A change of format is agreed on by signalling, which takes another way than the packets: those of the former format
//! are on their way still, and those of the new one may be here first. So a party is heard in the format that it speaks
//! until it turns to another one (RFC 3264 sections 5.1, 6.1 and 8.3.2), which its first packet says.

/// How long after a new agreement the party may still turn to a format of the former one.
pub const FORMER_NS: u64 = 2_000_000_000;
/// Turns within a second; packets that want more are not understood.
const MAX_TURNS: u32 = 10;
/// Formats of former agreements that are kept.
const MAX_FORMER: usize = 8;
const SECOND_NS: u64 = 1_000_000_000;

/// How sound is coded in the packets of one payload type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coding {
    /// The payload type.
    pub number: u8,
    /// The codec's name.
    pub codec: String,
    /// Its `a=fmtp`.
    pub fmtp: String,
    /// Of the RTP clock, in Hz.
    pub clock_rate: u32,
    /// Of each packet.
    pub ptime_ms: u32,
}

impl Coding {
    /// Whether packets of both hold the same, but for the payload type.
    pub fn is_same_sound(&self, other: &Self) -> bool {
        self.codec.eq_ignore_ascii_case(&other.codec)
            && self.clock_rate == other.clock_rate
            && self.ptime_ms == other.ptime_ms
    }

    /// The same under another number.
    fn numbered(&self, number: u8) -> Self {
        Self {
            number,
            ..self.clone()
        }
    }
}

/// What offer and answer let a party send.
#[derive(Debug, Clone, Copy)]
pub struct Agreed<'a> {
    /// The format that is expected, under the number that we announced.
    pub main: &'a Coding,
    /// The number that the party wants for it: some send with that one.
    pub wanted: u8,
    /// The other formats that may come.
    pub others: &'a [Coding],
    /// Numbers of events: as we announced it, as the party wants it.
    pub events: [Option<u8>; 2],
}

/// What the packets of a number hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// Sound of this coding.
    Sound(Coding),
    /// An event (RFC 4733).
    Event,
}

/// The machine; one for each stream. It holds nothing while a party speaks the format that is expected.
#[derive(Debug, Default)]
pub struct Hearing(Option<Box<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// What is spoken; `None`: what is expected.
    spoken: Option<Coding>,
    former: Vec<Coding>,
    former_events: [Option<u8>; 2],
    until_ns: u64,
    /// In the second that began then.
    turns: (u64, u32),
}

impl Agreed<'_> {
    fn sound_of(&self, number: u8) -> Option<&Coding> {
        let all = std::iter::once(self.main).chain(self.others);
        all.into_iter().find(|coding| coding.number == number)
    }

    fn meaning(&self, number: u8) -> Option<Meaning> {
        if let Some(coding) = self.sound_of(number) {
            return Some(Meaning::Sound(coding.clone()));
        }
        self.events
            .contains(&Some(number))
            .then_some(Meaning::Event)
    }
}

impl Hearing {
    /// The format that the party speaks.
    pub fn spoken<'a>(&'a self, main: &'a Coding) -> &'a Coding {
        let spoken = self.0.as_ref().and_then(|known| known.spoken.as_ref());
        spoken.unwrap_or(main)
    }

    /// Another agreement takes the place of `before`, in which the party has spoken.
    pub fn agree(&mut self, before: &Agreed<'_>, after: &Agreed<'_>, now_ns: u64) {
        if self.0.is_none()
            && before.main == after.main
            && before.wanted == after.wanted
            && before.others == after.others
            && before.events == after.events
        {
            return;
        }
        let spoken = self.spoken(before.main).clone();
        let known = self.0.get_or_insert_default();
        // A number that means something else now meant it from the first packet on.
        known.spoken = match after.sound_of(spoken.number) {
            Some(coding) if coding == after.main => None,
            Some(coding) => Some(coding.clone()),
            None => Some(spoken),
        };
        let present = std::iter::once(before.main).chain(before.others);
        let wanted = before.main.numbered(before.wanted);
        let mut former: Vec<Coding> = present.cloned().chain([wanted]).collect();
        if now_ns < known.until_ns {
            former.append(&mut known.former);
        }
        former.retain(|coding| after.meaning(coding.number).is_none());
        former.truncate(MAX_FORMER);
        known.former = former;
        known.former_events = before.events;
        known.until_ns = now_ns.saturating_add(FORMER_NS);
    }

    /// What a packet holds whose number is not that of what is spoken; `None`: nothing that was agreed on.
    pub fn understand(&self, agreed: &Agreed<'_>, number: u8, now_ns: u64) -> Option<Meaning> {
        let present = agreed.meaning(number);
        let former = || {
            let known = self.0.as_ref().filter(|known| now_ns < known.until_ns)?;
            let coding = known.former.iter().find(|coding| coding.number == number);
            let sound = coding.map(|coding| Meaning::Sound(coding.clone()));
            let is_event = known.former_events.contains(&Some(number));
            sound.or_else(|| is_event.then_some(Meaning::Event))
        };
        let as_wanted = || {
            (number == agreed.wanted).then(|| Meaning::Sound(agreed.main.numbered(agreed.wanted)))
        };
        present.or_else(former).or_else(as_wanted)
    }

    /// The party speaks `coding` from now on; false if it turns too often.
    pub fn turn(&mut self, coding: Coding, main: &Coding, now_ns: u64) -> bool {
        let known = self.0.get_or_insert_default();
        let (since, turns) = known.turns;
        known.turns = if now_ns.saturating_sub(since) < SECOND_NS {
            (since, turns.saturating_add(1))
        } else {
            (now_ns, 1)
        };
        if known.turns.1 > MAX_TURNS {
            return false;
        }
        known.spoken = (coding != *main).then_some(coding);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coding(number: u8, codec: &str) -> Coding {
        Coding {
            number,
            codec: codec.to_owned(),
            fmtp: String::new(),
            clock_rate: 8000,
            ptime_ms: 20,
        }
    }

    fn agreed<'a>(main: &'a Coding, others: &'a [Coding]) -> Agreed<'a> {
        Agreed {
            main,
            wanted: main.number,
            others,
            events: [Some(101), Some(101)],
        }
    }

    fn sound(coding: &Coding) -> Meaning {
        Meaning::Sound(coding.clone())
    }

    #[test]
    fn a_party_is_heard_in_the_former_format_until_it_turns() {
        let (old, new) = (coding(0, "PCMU"), coding(8, "PCMA"));
        let (before, after) = (agreed(&old, &[]), agreed(&new, &[]));
        let mut hearing = Hearing::default();
        assert_eq!(hearing.understand(&before, 8, 0), None);
        hearing.agree(&before, &after, 0);
        assert_eq!(hearing.spoken(&new), &old);
        assert_eq!(
            hearing.understand(&after, 8, 5 * FORMER_NS),
            Some(sound(&new))
        );
        assert!(hearing.turn(new.clone(), &new, 0));
        assert_eq!(hearing.spoken(&new), &new);
        assert_eq!(
            hearing.understand(&after, 0, FORMER_NS - 1),
            Some(sound(&old))
        );
        assert_eq!(hearing.understand(&after, 0, FORMER_NS), None);
    }

    #[test]
    fn the_same_agreement_again_keeps_nothing() {
        let main = coding(0, "PCMU");
        let mut hearing = Hearing::default();
        hearing.agree(&agreed(&main, &[]), &agreed(&main, &[]), 0);
        assert!(hearing.0.is_none());
    }

    #[test]
    fn the_other_formats_of_an_answer_may_come_at_any_time() {
        let (main, others) = (coding(0, "PCMU"), [coding(8, "PCMA")]);
        let agreed = agreed(&main, &others);
        let mut hearing = Hearing::default();
        assert_eq!(hearing.understand(&agreed, 8, 0), Some(sound(&others[0])));
        assert!(hearing.turn(others[0].clone(), &main, 0));
        assert_eq!(hearing.spoken(&main), &others[0]);
        assert_eq!(hearing.understand(&agreed, 0, 0), Some(sound(&main)));
        assert_eq!(hearing.understand(&agreed, 9, 0), None);
    }

    #[test]
    fn a_number_that_means_something_else_now_does_so_at_once() {
        let (old, new) = (coding(96, "PCMU"), coding(96, "PCMA"));
        let (before, after) = (agreed(&old, &[]), agreed(&new, &[]));
        let mut hearing = Hearing::default();
        hearing.agree(&before, &after, 0);
        assert_eq!(hearing.spoken(&new), &new);
    }

    #[test]
    fn a_number_that_the_party_only_wants_is_understood_last() {
        let (main, other) = (coding(111, "opus"), coding(96, "PCMU"));
        let mut before = agreed(&other, &[]);
        before.events = [None; 2];
        let after = Agreed {
            wanted: 96,
            ..agreed(&main, &[])
        };
        let mut hearing = Hearing::default();
        let as_wanted = Some(sound(&main.numbered(96)));
        assert_eq!(hearing.understand(&after, 96, 0), as_wanted);
        hearing.agree(&before, &after, 0);
        assert_eq!(hearing.understand(&after, 96, 0), Some(sound(&other)));
        assert_eq!(hearing.understand(&after, 96, FORMER_NS), as_wanted);
    }

    #[test]
    fn events_of_the_former_number_are_understood_for_a_while() {
        let main = coding(0, "PCMU");
        let before = agreed(&main, &[]);
        let after = Agreed {
            events: [Some(98), Some(98)],
            ..before
        };
        let mut hearing = Hearing::default();
        hearing.agree(&before, &after, 0);
        assert_eq!(hearing.understand(&after, 98, 0), Some(Meaning::Event));
        assert_eq!(hearing.understand(&after, 101, 0), Some(Meaning::Event));
        assert_eq!(hearing.understand(&after, 101, FORMER_NS), None);
    }

    #[test]
    fn who_turns_with_each_packet_is_not_followed() {
        let (main, other) = (coding(0, "PCMU"), coding(8, "PCMA"));
        let mut hearing = Hearing::default();
        let turns = (0..50u64)
            .filter(|place| {
                let to = if place % 2 == 0 { &other } else { &main };
                hearing.turn(to.clone(), &main, place * 20_000_000)
            })
            .count();
        assert_eq!(turns, MAX_TURNS as usize);
        assert!(hearing.turn(other.clone(), &main, SECOND_NS));
    }

    #[test]
    fn what_is_kept_of_former_agreements_is_bounded() {
        let mut hearing = Hearing::default();
        for number in 0..100 {
            let (old, new) = (coding(number, "PCMU"), coding(number + 1, "PCMU"));
            hearing.agree(&agreed(&old, &[]), &agreed(&new, &[]), 0);
            hearing.turn(new.clone(), &new, 0);
        }
        assert!(
            hearing
                .0
                .is_some_and(|known| known.former.len() <= MAX_FORMER)
        );
    }
}
