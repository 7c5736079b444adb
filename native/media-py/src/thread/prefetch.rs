//! Cache lines that are asked for before they are needed: they come while the thread does something else, such as a
//! system call, where a read would wait for them.

/// Octets of a cache line.
const LINE: usize = 64;

/// Asks for `lines` cache lines, from that of `first` on. It reads nothing and may be in vain.
#[inline]
pub(crate) fn ask_for<T>(first: &T, lines: usize) {
    let address = std::ptr::from_ref(first).cast::<i8>();
    for line in 0..lines {
        ask(address.wrapping_add(line * LINE));
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code)]
#[inline]
fn ask(address: *const i8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: the instruction belongs to SSE, which every x86-64 has, and no address makes it fail.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address) }
}

#[cfg(not(target_arch = "x86_64"))]
fn ask(_address: *const i8) {}
