//! `bench-relay forward LEGS PORT`, `bench-relay generate WARM SECONDS CODEC` and `bench-relay handshake LEGS`: see
//! `bench/relay`.
//!
//! Legs are neighbours: what comes to leg 0 goes out at leg 1, and back. Each has an even port, and the odd one above
//! it for RTCP.
#![forbid(unsafe_code)]

mod forward;
mod generate;
mod handshake;
mod payloads;
mod sockets;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |word: &str| word.parse::<u16>().ok();
    let result = match words.as_slice() {
        ["forward", legs, port] => number(legs)
            .zip(number(port))
            .map(|(legs, port)| forward::forward(legs, port)),
        ["generate", warm, seconds, codec] => number(warm)
            .zip(number(seconds))
            .zip(payloads::of(codec))
            .map(|((warm, seconds), other)| generate::generate(warm, seconds, other)),
        ["handshake", legs] => number(legs).map(handshake::handshake),
        _ => None,
    };
    match result {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            eprintln!("bench-relay: {error}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!(
                "usage: bench-relay forward LEGS PORT | generate WARM SECONDS CODEC < PORTS | handshake LEGS < LEGS"
            );
            ExitCode::FAILURE
        }
    }
}
