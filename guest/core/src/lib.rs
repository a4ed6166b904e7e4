//! The logic of tap-bigcommerce, without WASI: it runs wherever there is a [`api::Transport`], a [`api::Clock`] and a
//! [`singer::message::Sink`].
//!
//! Read it downward: [`sync`] runs a [`plan`], walks each list, takes pages through the one [`api::gate`], completes records
//! with their lists, shapes them ([`transform`]) and writes [`singer`] messages. What a stream is stands in [`streams`].
#![forbid(unsafe_code)]

pub mod about;
pub mod api;
pub mod aside;
mod below;
pub mod certainty;
mod channels;
pub mod check;
pub mod config;
pub mod dates;
pub mod discover;
pub mod error;
pub mod forecast;
mod group;
mod hash;
mod head;
pub mod json;
mod leftovers;
pub mod log;
mod origin;
mod page;
mod pipeline;
pub mod plan;
pub mod progress;
mod records;
mod rows;
pub mod schema;
pub mod select;
mod shapes;
pub mod singer;
mod start;
pub mod streams;
mod summary;
pub mod sync;
mod takers;
pub mod transform;
pub mod trial;
pub mod virtual_time;
mod walk;
