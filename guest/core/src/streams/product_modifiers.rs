//! product_modifiers: the modifiers of products, with a request for each product.

use super::{Source, Stream, products};

/// The stream.
pub static STREAM: Stream = Stream::full_table("product_modifiers", include_str!("product_modifiers.json"), Source::With { parent: &products::STREAM, rows: &products::MODIFIERS });
