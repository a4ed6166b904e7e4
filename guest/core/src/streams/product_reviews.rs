//! product_reviews: what customers wrote about products, with a request for each product.

use super::{Source, Stream, products};

/// The stream.
pub static STREAM: Stream = Stream::full_table("product_reviews", include_str!("product_reviews.json"), Source::With { parent: &products::STREAM, rows: &products::REVIEWS });
