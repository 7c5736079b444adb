//! A conference: each member hears the sum of all others (N-1), at its own rate, 20 ms at a time.
//!
//! Members speak and hear at the rates of their codecs; what one says is converted once for each rate that is heard
//! in the room. Sums are taken in 32 bits and saturate. Who is silent is left out, so a quiet room is silent, and of
//! those who speak the [`MAX_HEARD`] loudest are heard. Everyone who is not in the sum hears the same, so that one
//! encoding of [`Mixer::everybody`] serves them all.

mod member;
mod rates;
#[cfg(test)]
mod tests;

use member::Member;
use rates::RATES;
pub use rates::Rate;

/// So many members are heard at once, the loudest.
pub const MAX_HEARD: usize = 12;
/// Milliseconds that one [`Mixer::mix`] makes.
pub const FRAME_MS: u32 = 20;

/// The slot of no member: who was coached has left.
const NO_MEMBER: usize = usize::MAX;

/// How a member takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Role {
    /// What it says goes into the room.
    pub speaks: bool,
    /// It is sent what the room says.
    pub hears: bool,
    /// Only this member hears it.
    pub coaches: Option<usize>,
    /// It is heard whatever its level, beside the loudest: an announcement.
    pub is_announcement: bool,
}

impl Default for Role {
    fn default() -> Self {
        Self {
            speaks: true,
            hears: true,
            coaches: None,
            is_announcement: false,
        }
    }
}

/// A member began to speak, or has ceased to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speaking {
    /// Its slot.
    pub member: usize,
    /// Whether it speaks now.
    pub speaks: bool,
}

/// What a member is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Nothing: it does not hear the room.
    Nothing,
    /// What all silent members hear: [`Mixer::everybody`] at its rate.
    Everybody,
    /// Something of its own: [`Mixer::own`].
    Own,
}

/// The mixer of one room.
#[derive(Default)]
pub struct Mixer {
    members: Vec<Option<Member>>,
    sums: [Vec<i32>; RATES],
    mixed: [Vec<i16>; RATES],
    /// Of the members that speak, by level; kept for its capacity.
    ranking: Vec<(u32, usize)>,
    recorded: Option<Rate>,
}

impl Mixer {
    /// A member whose codec samples at `rate`; returns its slot.
    pub fn add(&mut self, rate: Rate, role: Role) -> usize {
        let member = Some(Member::new(rate, role));
        if let Some(free) = self.members.iter().position(Option::is_none) {
            self.members[free] = member;
            return free;
        }
        self.members.push(member);
        self.members.len() - 1
    }

    /// The member is gone; true if it was speaking. Its coaches are heard by no member afterwards.
    pub fn remove(&mut self, slot: usize) -> bool {
        let gone = self.members.get_mut(slot).and_then(Option::take);
        for member in self.members.iter_mut().flatten() {
            if member.role.coaches == Some(slot) {
                member.role.coaches = Some(NO_MEMBER);
            }
        }
        gone.is_some_and(|member| member.is_speaking())
    }

    /// Another codec was agreed on; whether that changes the rate.
    pub fn set_rate(&mut self, slot: usize, rate: Rate) -> bool {
        let Some(Some(member)) = self.members.get_mut(slot) else {
            return false;
        };
        let changes = member.rate != rate;
        if changes {
            member.set_rate(rate);
        }
        changes
    }

    pub fn set_role(&mut self, slot: usize, role: Role) {
        if let Some(Some(member)) = self.members.get_mut(slot) {
            member.role = role;
        }
    }

    /// The rate at which [`everybody`](Self::everybody) is wanted beside those of the members.
    pub fn set_recorded(&mut self, rate: Option<Rate>) {
        self.recorded = rate;
    }

    /// A member's rate.
    pub fn rate(&self, slot: usize) -> Rate {
        self.member(slot).map_or(Rate::Narrow, |member| member.rate)
    }

    /// What a member says in the coming frame: 20 ms at its rate. Without a call it is silent.
    pub fn input(&mut self, slot: usize, pcm: &[i16]) {
        if let Some(Some(member)) = self.members.get_mut(slot) {
            member.input(pcm);
        }
    }

    /// The best rate of those who hear.
    pub fn best_rate(&self) -> Rate {
        let members = self.members.iter().flatten();
        members
            .filter(|member| !member.role.is_announcement)
            .map(|member| member.rate)
            .max()
            .unwrap_or(Rate::Narrow)
    }

    /// Makes a frame of what was given since the last one; `report` is called for each member that began or ceased to speak.
    pub fn mix(&mut self, mut report: impl FnMut(Speaking)) {
        self.rank();
        let recorded = self.recorded;
        let is_wanted = Rate::ALL.map(|rate| {
            let mut hearing = self.members.iter().flatten();
            recorded == Some(rate) || hearing.any(|member| member.role.hears && member.rate == rate)
        });
        for (index, member) in self.members.iter_mut().enumerate() {
            if let Some(member) = member {
                member.convert(is_wanted);
                if let Some(speaks) = member.end_frame() {
                    report(Speaking {
                        member: index,
                        speaks,
                    });
                }
            }
        }
        for rate in Rate::ALL {
            if is_wanted[rate as usize] {
                self.sum(rate);
            }
        }
    }

    /// What a member is to be sent of the frame that was mixed.
    pub fn heard(&self, slot: usize) -> Heard {
        match self.member(slot) {
            Some(member) if !member.role.hears => Heard::Nothing,
            Some(member) if member.is_in_sum() || self.coaches_of(slot).next().is_some() => {
                Heard::Own
            }
            Some(_) => Heard::Everybody,
            None => Heard::Nothing,
        }
    }

    /// The frame that every silent member hears.
    pub fn everybody(&self, rate: Rate) -> &[i16] {
        &self.mixed[rate as usize]
    }

    /// Appends the frame of one member: all others in the sum, and its coaches.
    pub fn own(&self, slot: usize, pcm: &mut Vec<i16>) {
        let Some(member) = self.member(slot) else {
            return;
        };
        let rate = member.rate;
        let start = pcm.len();
        pcm.resize(start + rate.frame(), 0);
        let own = member.in_sum(rate);
        for (at, out) in pcm[start..].iter_mut().enumerate() {
            let mut sample = self.sums[rate as usize][at];
            sample -= own.map_or(0, |own| i32::from(own[at]));
            for coach in self.coaches_of(slot) {
                sample += i32::from(coach.said(rate)[at]);
            }
            *out = saturated(sample);
        }
    }

    fn member(&self, slot: usize) -> Option<&Member> {
        self.members.get(slot)?.as_ref()
    }

    /// Who speaks to this member alone in this frame.
    fn coaches_of(&self, slot: usize) -> impl Iterator<Item = &Member> {
        let members = self.members.iter().flatten();
        members.filter(move |member| member.role.coaches == Some(slot) && member.is_heard())
    }

    /// Decides who is heard in this frame.
    fn rank(&mut self) {
        self.ranking.clear();
        for (index, member) in self.members.iter_mut().enumerate() {
            let Some(member) = member else { continue };
            member.begin_frame();
            if member.wants_in() && !member.role.is_announcement {
                self.ranking.push((member.weight(), index));
            }
        }
        // Stable: of two that are equally loud the first one stays.
        self.ranking
            .sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        let loudest = &self.ranking[..self.ranking.len().min(MAX_HEARD)];
        for (index, member) in self.members.iter_mut().enumerate() {
            if let Some(member) = member {
                let is_loudest = loudest.iter().any(|(_, loud)| *loud == index);
                member.decide(is_loudest);
            }
        }
    }

    fn sum(&mut self, rate: Rate) {
        let sums = &mut self.sums[rate as usize];
        sums.clear();
        sums.resize(rate.frame(), 0);
        for member in self.members.iter().flatten() {
            if let Some(said) = member.in_sum(rate) {
                for (sum, sample) in sums.iter_mut().zip(said) {
                    *sum += i32::from(*sample);
                }
            }
        }
        let mixed = &mut self.mixed[rate as usize];
        mixed.clear();
        mixed.extend(sums.iter().map(|sum| saturated(*sum)));
    }
}

fn saturated(sample: i32) -> i16 {
    sample.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}
