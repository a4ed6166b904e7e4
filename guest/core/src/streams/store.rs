//! store: the store's own profile, one record.

use super::{End, List, Paging, Source, Stream};
use crate::api::list::Form;

/// The object, as a list.
pub static LIST: List = List {
    form: Form::Object,
    paging: Paging::Once,
    end: End::Answer,
    ..List::v2("v2/store", "store_v2_information_read_only")
};

/// The stream.
pub static STREAM: Stream = Stream::full_table("store", include_str!("store.json"), Source::List(&LIST));
