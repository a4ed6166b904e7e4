//! product_images: the images of products, with a request for each product.

use super::{Source, Stream, products};

/// The stream.
pub static STREAM: Stream = Stream::full_table("product_images", include_str!("product_images.json"), Source::With { parent: &products::STREAM, rows: &products::IMAGES });
