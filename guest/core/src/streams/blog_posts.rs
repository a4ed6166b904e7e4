//! blog_posts: API v2.

use super::{End, List, Lookup, Paging, Source, Stream};

/// The list.
pub static LIST: List = List {
    paging: Paging::Page,
    end: End::Again,
    one: Some(Lookup::Path("v2/blog/posts/{id}")),
    ..List::v2("v2/blog/posts", "store_v2_content_read_only")
};

/// The stream.
pub static STREAM: Stream = Stream::full_table("blog_posts", include_str!("blog_posts.json"), Source::List(&LIST));
