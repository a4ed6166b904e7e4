//! product_options: the options of products, with a request for each product.

use super::{Source, Stream, products};

/// The stream.
pub static STREAM: Stream = Stream::full_table("product_options", include_str!("product_options.json"), Source::With { parent: &products::STREAM, rows: &products::OPTIONS });
