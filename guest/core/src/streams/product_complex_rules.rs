//! product_complex_rules: what choices change about price, weight or image, with a request for each product.

use super::{Source, Stream, products};

/// The stream.
pub static STREAM: Stream = Stream::full_table("product_complex_rules", include_str!("product_complex_rules.json"), Source::With { parent: &products::STREAM, rows: &products::COMPLEX_RULES });
