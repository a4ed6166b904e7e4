//! What is held in memory, and what leaves it.

use super::*;

/// The rows of each row group, file by file.
fn groups(shop: &Shop) -> Vec<Vec<i64>> {
    let files = read::files(&shop.path(), "orders");
    files.iter().map(|file| read::open(file).metadata().row_groups().iter().map(|group| group.num_rows()).collect()).collect()
}

#[test]
fn what_waits_in_memory_is_bounded_over_all_streams_whether_states_come_or_not() {
    for states in [true, false] {
        let limits = Limits { held: 100_000, ..LIMITS };
        let shop = Shop::new(limits);
        let mut sink = shop.open();
        let of = |stream: &str, mut message: Value| {
            message["stream"] = json!(stream);
            message
        };
        let streams: Vec<String> = (0..10).map(|number| format!("stream_{number}")).chain(["orders".into()]).collect();
        streams.iter().for_each(|stream| put(&mut sink, &of(stream, plain())).unwrap());
        let mut most = 0;
        for number in 0..5000 {
            let stream = &streams[number % streams.len()];
            put(&mut sink, &of(stream, record(json!({"id": number, "note": "x".repeat(100)})))).unwrap();
            if states && number % 10 == 0 {
                put(&mut sink, &state(1)).unwrap();
            }
            most = most.max(sink.streams.values().map(Stream::held).sum());
        }
        assert!((limits.held / 2..=limits.held).contains(&most), "{most} bytes");
        put(&mut sink, &state(2)).unwrap();
        sink.finish().unwrap();
        let rows: usize = streams.iter().map(|stream| read::records(&shop.path(), stream).unwrap().len()).sum();
        assert_eq!(rows, 5000);
        assert!(groups(&shop)[0].len() > 2, "{:?}", groups(&shop));
    }
}

#[test]
fn a_row_group_has_no_more_rows_than_the_limit() {
    let shop = Shop::new(Limits { rows: 100, ..LIMITS });
    let mut messages = vec![plain()];
    messages.extend((0..250).map(id));
    messages.push(state(1));
    messages.extend((250..430).map(id));
    messages.push(state(2));
    shop.run(&messages);
    assert_eq!(shop.ids(), (0..430).collect::<Vec<_>>());
    let groups = groups(&shop);
    assert!(groups.iter().flatten().all(|rows| (1..=100).contains(rows)), "{groups:?}");
    assert!(groups.iter().map(Vec::len).sum::<usize>() <= 8, "{groups:?}");
}

#[test]
fn what_left_the_memory_before_its_state_is_there_with_it_and_gone_without() {
    for covered in [true, false] {
        let shop = Shop::new(Limits { rows: 3, ..LIMITS });
        let mut messages = vec![plain(), id(1), state(1)];
        messages.extend((2..=10).map(id));
        messages.extend(covered.then(|| state(2)));
        messages.extend([id(11), id(12), id(13), id(14)]);
        shop.run(&messages);
        let wanted: Vec<i64> = if covered { (1..=10).collect() } else { vec![1] };
        assert_eq!(shop.ids(), wanted);
        assert!(shop.there().iter().all(|name| !name.starts_with('.')), "{:?}", shop.there());
    }
}

#[test]
fn the_first_state_after_a_file_has_grown_large_completes_it() {
    let shop = Shop::new(Limits { rows: 10, file: 2000, ..LIMITS });
    let mut sink = shop.open();
    put(&mut sink, &plain()).unwrap();
    let mut completed = Vec::new();
    for number in 0..400 {
        put(&mut sink, &record(json!({"id": number, "note": format!("{:x}", number * 7919)}))).unwrap();
        assert_eq!(shop.files(), completed.len());
        put(&mut sink, &state(1)).unwrap();
        if shop.files() > completed.len() {
            completed.push(number);
        }
    }
    assert!(completed.len() > 2, "{completed:?}");
    let sizes: Vec<u64> = read::files(&shop.path(), "orders").iter().map(|file| file.metadata().unwrap().len()).collect();
    assert!(sizes.iter().all(|bytes| (2000..6000).contains(bytes)), "{sizes:?}");
}

#[test]
fn lists_of_any_length_and_texts_of_any_size_come_back() {
    let shop = Shop::new(WAITING);
    let list = json!({"type": "array", "items": {"type": "string"}});
    let rows: Vec<Vec<String>> = (0..200).map(|row: usize| (0..row * 7 % 1000).map(|n| format!("{row}.{n}")).collect()).collect();
    let mut messages = vec![schema(json!({"id": {"type": "integer"}, "list": list}))];
    messages.extend(rows.iter().enumerate().map(|(id, list)| record(json!({"id": id, "list": list}))));
    messages.push(record(json!({"id": 200, "list": ["x".repeat(3 << 20), ""]})));
    messages.push(state(1));
    shop.run(&messages);
    let records = shop.records();
    for (record, list) in records.iter().zip(&rows) {
        assert_eq!(record["list"], json!(list));
    }
    assert_eq!(records[200]["list"][0].as_str().unwrap().len(), 3 << 20);
}
