//! The classes and functions that Python sees. Each holds a [`Shared`](crate::thread::shared::Shared) door to the
//! packet threads and sends commands through it.

pub(crate) mod amd;
pub(crate) mod audio;
pub(crate) mod certificate;
pub(crate) mod plane;
pub(crate) mod room;
pub(crate) mod stream;
