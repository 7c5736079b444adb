//! Which indexes of one source have been seen (RFC 3711 section 3.3.2), and the index of a packet that carries only
//! its lower 16 bits (section 3.3.1 and appendix A).

/// Packets that may come late.
const SIZE: u64 = 128;

/// The window behind the highest index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    highest: u64,
    /// Bit n: the index n below the highest one was seen.
    seen: u128,
}

impl Window {
    /// A window that has seen `index` alone.
    pub(super) fn starting_at(index: u64) -> Self {
        Self {
            highest: index,
            seen: 1,
        }
    }

    /// A window that has seen nothing, where `index` was the highest under another key.
    pub(super) fn cleared_at(index: u64) -> Self {
        Self {
            highest: index,
            seen: 0,
        }
    }

    /// The highest index that was seen.
    pub(super) fn highest(&self) -> u64 {
        self.highest
    }

    /// Whether `index` was seen, or is too old to be known.
    pub(super) fn has(&self, index: u64) -> bool {
        match self.highest.checked_sub(index) {
            None => false,
            Some(behind) if behind >= SIZE => true,
            Some(behind) => self.seen >> behind & 1 == 1,
        }
    }

    /// Takes note of `index`.
    pub(super) fn add(&mut self, index: u64) {
        if index > self.highest {
            let ahead = index - self.highest;
            self.seen = if ahead >= SIZE { 0 } else { self.seen << ahead };
            self.highest = index;
        }
        let behind = self.highest - index;
        if behind < SIZE {
            self.seen |= 1 << behind;
        }
    }
}

/// The index that is nearest to `highest` among those that end in `sequence`; `None`: it would be before the first.
pub(super) fn nearest(highest: u64, sequence: u16) -> Option<u64> {
    let rollover = highest >> 16;
    let ahead = i32::from(sequence) - i32::from(highest as u16);
    let rollover = match ahead {
        ..-0x8000 => rollover + 1,
        0x8001.. => rollover.checked_sub(1)?,
        _ => rollover,
    };
    (rollover < 1 << 32).then_some(rollover << 16 | u64::from(sequence))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    proptest! {
        #[test]
        fn an_index_is_new_once(indexes in proptest::collection::vec(0u64..400, 1..300)) {
            let mut window = Window::starting_at(200);
            let mut seen = HashSet::from([200]);
            for index in indexes {
                let is_old = index + SIZE <= window.highest();
                prop_assert_eq!(window.has(index), is_old || seen.contains(&index));
                window.add(index);
                seen.insert(index);
            }
        }

        #[test]
        fn the_nearest_index_is_the_nearest(highest in 0u64..1 << 40, step in -0x7fffi64..0x7fff) {
            let Some(index) = highest.checked_add_signed(step) else { return Ok(()) };
            prop_assert_eq!(nearest(highest, index as u16), Some(index));
        }
    }

    #[test]
    fn before_the_first_index_there_is_none() {
        assert_eq!(nearest(5, 0xfff0), None);
        assert_eq!(nearest(0xfff0, 5), Some(0x1_0005));
        assert_eq!(nearest((1 << 48) - 1, 0), None);
    }
}
