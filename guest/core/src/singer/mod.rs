//! Singer: messages out, catalog and state in.

pub mod catalog;
pub mod message;
pub mod state;
