//! The sound of one leg on its way: to another leg of another codec, to an application, from an application.

pub mod feed;
pub mod hearing;
pub mod listen;
pub mod transcode;
