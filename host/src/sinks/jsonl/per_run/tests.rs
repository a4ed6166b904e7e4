use super::*;
use std::fs;
use tempfile::TempDir;

const STORE: &str = "https://api.bigcommerce.com/stores/abc";
const SCHEMA: &str = r#"{"type":"SCHEMA","stream":"orders","key_properties":["id"],"schema":{"properties":{"id":{}}}}"#;

/// The lines of a stream's files, in the order of their names.
pub(super) fn lines(folder: &Path, stream: &str) -> Vec<String> {
    let start = format!("{stream}-");
    let names = names(folder).into_iter().filter(|name| name.starts_with(&start) && name.ends_with(".jsonl"));
    names.flat_map(|name| fs::read_to_string(folder.join(name)).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

struct Shop(TempDir);

impl Shop {
    fn new() -> Shop {
        Shop(tempfile::tempdir().unwrap())
    }

    fn open(&self) -> JsonlPerRunSink {
        JsonlPerRunSink::open(self.0.path(), STORE).unwrap()
    }

    /// The files of the orders, with their names or without.
    fn files(&self) -> Vec<PathBuf> {
        names(self.0.path()).iter().filter(|name| name.starts_with("orders-")).map(|name| self.0.path().join(name)).collect()
    }

    fn only_file(&self) -> PathBuf {
        let mut files = self.files();
        assert_eq!(files.len(), 1);
        files.remove(0)
    }

    fn held(&self) -> String {
        fs::read_to_string(self.0.path().join("state.json")).unwrap()
    }

    /// A run that ends well.
    fn run(&self, id: u32) {
        let mut sink = self.open();
        write(&mut sink, &[SCHEMA, &record(id), &state(id)]);
        sink.finish().unwrap();
    }
}

fn write(sink: &mut JsonlPerRunSink, messages: &[&str]) {
    messages.iter().for_each(|message| sink.write(&Message::read(message.as_bytes())).unwrap());
}

fn record(id: u32) -> String {
    format!(r#"{{"type":"RECORD","stream":"orders","record":{{"id":{id}}}}}"#)
}

fn state(value: u32) -> String {
    format!(r#"{{"type":"STATE","value":{{"n":{value}}}}}"#)
}

fn line(id: u32) -> String {
    format!("{{\"id\":{id}}}\n")
}

#[test]
fn a_file_has_its_name_once_its_run_is_over_and_holds_what_the_state_covers() {
    let shop = Shop::new();
    let mut sink = shop.open();
    write(&mut sink, &[SCHEMA, &record(1), &state(1), &record(2)]);
    let part = shop.only_file();
    assert!(part.extension().is_some_and(|end| end == "part"), "{part:?}");
    sink.finish().unwrap();
    drop(sink);
    let named = part.with_extension("");
    assert_eq!((shop.files(), fs::read_to_string(&named).unwrap()), (vec![named], line(1)));
    assert_eq!(shop.open().state(), Some(r#"{"n":1}"#));
}

#[test]
fn runs_in_one_second_have_files_of_their_own_in_their_order() {
    let shop = Shop::new();
    (1..=3).for_each(|id| shop.run(id));
    let texts: Vec<String> = shop.files().iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    assert_eq!(texts, [line(1), line(2), line(3)]);
}

#[test]
fn the_name_of_a_run_is_its_time_and_later_than_the_last() {
    let now = DateTime::from_timestamp(1_769_846_400, 987_000_000).unwrap();
    for (last, run) in [
        ("", "20260131T080000Z"),
        ("20260131T075958Z", "20260131T080000Z"),
        ("20260131T075959Z", "20260131T080000Z"),
        ("20260131T080000Z", "20260131T080001Z"),
        ("20260228T235959Z", "20260301T000000Z"),
    ] {
        assert_eq!(next(last, now), run, "{last}");
        assert!(*last < *next(last, now));
    }
}

#[test]
fn files_that_were_moved_away_are_not_missed() {
    let shop = Shop::new();
    shop.run(1);
    shop.files().iter().for_each(|file| fs::remove_file(file).unwrap());
    let sink = shop.open();
    assert_eq!((sink.state(), sink.repaired()), (Some(r#"{"n":1}"#), None));
    drop(sink);
    shop.run(2);
    assert_eq!(lines(shop.0.path(), "orders"), [line(2).trim_end()]);
}

#[test]
fn what_a_killed_run_left_is_completed_and_told() {
    for left in ["", "{\"id\":3}\n", "{\"id\":3}\n{\"id\"", "{"] {
        let shop = Shop::new();
        let mut sink = shop.open();
        write(&mut sink, &[SCHEMA, &record(1), &state(1), &record(2)]);
        drop(sink);
        let part = shop.only_file();
        fs::write(&part, line(1) + left).unwrap();
        let sink = shop.open();
        let named = part.with_extension("");
        assert!(sink.repaired().is_some_and(|told| told.contains(&named.display().to_string())), "{:?}", sink.repaired());
        assert_eq!((shop.files(), fs::read_to_string(&named).unwrap()), (vec![named], line(1)));
        drop(sink);
        assert_eq!(shop.open().repaired(), None);
    }
}

#[test]
fn a_run_without_a_record_and_one_without_a_state_leave_no_file() {
    let shop = Shop::new();
    let mut sink = shop.open();
    write(&mut sink, &[SCHEMA, &state(1)]);
    sink.finish().unwrap();
    drop(sink);
    assert_eq!(shop.files(), Vec::<PathBuf>::new());
    for is_killed in [false, true] {
        let mut sink = shop.open();
        write(&mut sink, &[SCHEMA, &record(2)]);
        if !is_killed {
            sink.finish().unwrap();
        }
        drop(sink);
        assert_eq!(shop.open().repaired(), None);
        assert_eq!((shop.files(), shop.open().state()), (Vec::new(), Some(r#"{"n":1}"#)));
    }
}

/// The folder as a kill leaves it at each step at the end of a run: with the file's name or without, and moved away by then or not.
#[test]
fn a_run_killed_while_files_get_their_names_loses_none() {
    let over = |shop: &Shop| {
        let mut sink = shop.open();
        write(&mut sink, &[SCHEMA, &record(1), &state(1)]);
        drop(sink);
        let held = shop.held().replace("\"parts\":{\"orders\":9}", "\"parts\":{\"orders\":9},\"is_over\":true");
        assert!(held.contains("is_over"), "{held}");
        fs::write(shop.0.path().join("state.json"), held).unwrap();
        shop.only_file()
    };
    let shop = Shop::new();
    over(&shop);
    assert!(shop.open().repaired().is_some());
    assert_eq!(lines(shop.0.path(), "orders"), [line(1).trim_end()]);

    let shop = Shop::new();
    let part = over(&shop);
    fs::rename(&part, part.with_extension("")).unwrap();
    assert_eq!(shop.open().repaired(), None);
    assert_eq!(lines(shop.0.path(), "orders"), [line(1).trim_end()]);

    let shop = Shop::new();
    fs::remove_file(over(&shop)).unwrap();
    let sink = shop.open();
    assert_eq!((sink.repaired(), sink.state()), (None, Some(r#"{"n":1}"#)));
}

#[test]
fn a_part_that_lost_lines_is_an_error_and_is_left_as_it_is() {
    for now in [None, Some("{\"id\":"), Some("{\"id\":1,\"x\":")] {
        let shop = Shop::new();
        let mut sink = shop.open();
        write(&mut sink, &[SCHEMA, &record(1), &state(1)]);
        drop(sink);
        let part = shop.only_file();
        match now {
            Some(now) => fs::write(&part, now).unwrap(),
            None => fs::remove_file(&part).unwrap(),
        }
        let why = JsonlPerRunSink::open(shop.0.path(), STORE).err().unwrap().to_string();
        assert!(why.contains(".jsonl.part") && why.contains("another program has changed it"), "{why}");
        assert_eq!(fs::read_to_string(&part).ok().as_deref(), now);
    }
}

#[test]
fn a_file_of_somebody_elses_is_not_written_over() {
    let shop = Shop::new();
    shop.run(1);
    let mut sink = shop.open();
    write(&mut sink, &[SCHEMA, &record(2), &state(2)]);
    let part = shop.files().into_iter().find(|file| file.extension().is_some_and(|end| end == "part")).unwrap();
    fs::write(part.with_extension(""), "mine").unwrap();
    let why = sink.finish().unwrap_err().to_string();
    assert!(why.contains("already exists"), "{why}");
    assert_eq!(fs::read_to_string(part.with_extension("")).unwrap(), "mine");
    drop(sink);
    assert!(JsonlPerRunSink::open(shop.0.path(), STORE).is_err());
    fs::remove_file(part.with_extension("")).unwrap();
    drop(shop.open());
    assert_eq!(lines(shop.0.path(), "orders"), [line(1).trim_end(), line(2).trim_end()]);
}

#[test]
fn a_state_of_another_output_is_refused() {
    let shop = Shop::new();
    for held in [
        r#"{"store":"https://api.bigcommerce.com/stores/abc","state":{"n":1},"files":{"orders":18}}"#,
        r#"{"store":"https://api.bigcommerce.com/stores/abc","run":"","parts":{"orders":18}}"#,
        r#"{"store":"https://api.bigcommerce.com/stores/abc","run":"../x","parts":{}}"#,
        r#"{"store":"https://api.bigcommerce.com/stores/abc","run":"20260131T080000Z","parts":{"../orders":1}}"#,
    ] {
        fs::write(shop.0.path().join("state.json"), held).unwrap();
        let why = JsonlPerRunSink::open(shop.0.path(), STORE).err().unwrap().to_string();
        assert!(why.contains("not written by this tap's jsonl-per-run output"), "{held}: {why}");
    }
}
