//! `bench-relay forward LEGS PORT` and `bench-relay generate LEGS PORT TARGET SECONDS`: see `bench/relay`.
//!
//! Legs are neighbours: what comes to leg 0 goes out at leg 1, and back. Leg `n` has port `PORT + 2n`.
#![forbid(unsafe_code)]

mod forward;
mod generate;
mod sockets;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<u64> = arguments
        .iter()
        .skip(1)
        .filter_map(|each| each.parse().ok())
        .collect();
    let result = match (arguments.first().map(String::as_str), numbers.as_slice()) {
        (Some("forward"), &[legs, port]) => forward::forward(legs as usize, port as u16),
        (Some("generate"), &[legs, port, target, seconds]) => {
            generate::generate(legs as usize, port as u16, target as u16, seconds)
        }
        _ => {
            eprintln!("usage: bench-relay forward LEGS PORT | generate LEGS PORT TARGET SECONDS");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
