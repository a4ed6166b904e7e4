//! BATCH messages in place of RECORD messages: the records are in compressed files that the messages name.

use super::{Message, MessageKind, Sink, SinkError, unfit};
use crate::files;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf, absolute};
use std::time::{Duration, Instant};
pub use tap_bigcommerce_core::config::Batches;
use tempfile::{Builder, NamedTempFile, TempPath};

/// How long records wait for more before the next STATE closes their files.
const WAIT: Duration = Duration::from_secs(300);
/// Length of the random part of a file name.
const RANDOM: usize = 12;

/// Wraps another sink, for Singer targets that read BATCH messages. Records go to files, one JSON object per line, compressed
/// with gzip. The inner sink gets the BATCH message that names the files before it gets the STATE that covers their records.
///
/// A file is ended at [`Batches::size`] records. A STATE waits until there are as many records in all, until five minutes have passed, or until the
/// run ends: otherwise each page would be a file.
///
/// Only their owner can read the files, and whoever reads them removes them. Files that no message names are removed with the
/// sink.
pub struct BatchSink<S> {
    out: S,
    folder: PathBuf,
    batches: Batches,
    wait: Duration,
    streams: BTreeMap<String, Waiting>,
    /// Records that no message has named yet, and since when there are any.
    records: u64,
    since: Instant,
    /// The last STATE, as it came, unless it has been passed on.
    state: Option<Vec<u8>>,
}

/// The records of a stream that no message has named yet.
#[derive(Default)]
struct Waiting {
    file: Option<Growing>,
    ended: Vec<TempPath>,
}

/// A file that takes more records.
struct Growing {
    lines: GzEncoder<BufWriter<NamedTempFile>>,
    records: u64,
}

impl<S: Sink> BatchSink<S> {
    /// Wraps a sink, and creates the folder for the files if needed.
    ///
    /// # Errors
    /// The folder cannot be made or written.
    pub fn new(out: S, batches: Batches) -> Result<BatchSink<S>, SinkError> {
        let given = Path::new(&batches.folder);
        let made = files::make_folder(given).and_then(|()| absolute(given));
        let folder = made.and_then(|folder| Builder::new().tempfile_in(&folder).map(|_| folder));
        let folder = folder.map_err(|fault| told(given, &fault))?;
        let (streams, since) = (BTreeMap::new(), Instant::now());
        Ok(BatchSink { out, folder, batches, wait: WAIT, streams, records: 0, since, state: None })
    }

    fn record(&mut self, message: &Message<'_>) -> Result<(), SinkError> {
        let record = message.record()?;
        if record.version.is_some() {
            return Err(unfit("a record has a version, and BATCH messages have none"));
        }
        let stream = message.stream().unwrap_or_default();
        let waiting = self.streams.entry(stream.to_owned()).or_default();
        waiting.add(&self.folder, &self.batches, stream, record.record.get()).map_err(|fault| told(&self.folder, &fault))?;
        if self.records == 0 {
            self.since = Instant::now();
        }
        self.records += 1;
        Ok(())
    }

    /// Sends a BATCH message with the files of a stream.
    fn name(&mut self, stream: &str) -> Result<(), SinkError> {
        let Some(mut waiting) = self.streams.remove(stream) else { return Ok(()) };
        waiting.end().map_err(|fault| told(&self.folder, &fault))?;
        let manifest: Vec<String> = waiting.ended.iter().map(|path| format!("file://{}", path.display())).collect();
        let encoding = json!({"format": "jsonl", "compression": "gzip"});
        let batch = json!({"type": "BATCH", "stream": stream, "encoding": encoding, "manifest": manifest}).to_string();
        self.out.write(&Message::read(batch.as_bytes()))?;
        waiting.ended.into_iter().try_for_each(|path| path.keep().map(drop)).map_err(|fault| told(&self.folder, &fault.error))
    }

    /// Names all files, and then passes on the STATE that covers their records.
    fn name_all(&mut self) -> Result<(), SinkError> {
        while let Some(stream) = self.streams.keys().next().cloned() {
            self.name(&stream)?;
        }
        self.records = 0;
        self.state.take().map_or(Ok(()), |state| self.out.write(&Message::read(&state)))
    }
}

impl<S: Sink> Sink for BatchSink<S> {
    fn write(&mut self, message: &Message<'_>) -> Result<(), SinkError> {
        match message.kind() {
            MessageKind::Record => self.record(message),
            MessageKind::State => {
                self.state = Some(message.line().to_owned());
                let is_due = self.records == 0 || self.records >= self.batches.size || self.since.elapsed() >= self.wait;
                if is_due { self.name_all() } else { Ok(()) }
            }
            // Earlier records belong to the previous SCHEMA, so their files come first.
            MessageKind::Schema => {
                self.name(message.stream().unwrap_or_default())?;
                self.out.write(message)
            }
            MessageKind::ActivateVersion => Err(unfit("ACTIVATE_VERSION names a version, and BATCH messages have none")),
            MessageKind::Other => self.out.write(message),
        }
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.out.flush()
    }

    fn is_waiting(&self) -> bool {
        self.state.is_some() || self.out.is_waiting()
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        self.name_all()?;
        self.out.finish()
    }
}

impl Waiting {
    fn add(&mut self, folder: &Path, batches: &Batches, stream: &str, record: &str) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(Growing::new(folder, &batches.prefix, stream)?),
        };
        file.lines.write_all(record.as_bytes())?;
        file.lines.write_all(b"\n")?;
        file.records += 1;
        if file.records >= batches.size { self.end() } else { Ok(()) }
    }

    fn end(&mut self) -> io::Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let file = file.lines.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        self.ended.push(file.into_temp_path());
        Ok(())
    }
}

impl Growing {
    fn new(folder: &Path, prefix: &str, stream: &str) -> io::Result<Growing> {
        // The name comes from the component, which is not trusted.
        let stream: String = stream.chars().map(|c| if c.is_alphanumeric() || "_-".contains(c) { c } else { '_' }).collect();
        let name = format!("{prefix}tap-bigcommerce--{stream}-");
        let file = Builder::new().prefix(&name).suffix(".json.gz").rand_bytes(RANDOM).tempfile_in(folder)?;
        Ok(Growing { lines: GzEncoder::new(BufWriter::new(file), Compression::fast()), records: 0 })
    }
}

fn told(folder: &Path, fault: &io::Error) -> SinkError {
    let folder = folder.display();
    SinkError::new(match fault.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            format!(
                "the disk is full, so the files of batch_config cannot be written to {folder}; free some space and run again from the last state that the target took"
            )
        }
        _ => format!("the files of batch_config cannot be written to {folder} ({fault}); check storage.root in batch_config"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use serde_json::Value;
    use std::io::Read;
    use std::sync::{Arc, Mutex};

    /// What has been passed on.
    #[derive(Clone, Default)]
    struct Passed(Arc<Mutex<Vec<Value>>>);

    impl Passed {
        fn take(&self) -> Vec<Value> {
            std::mem::take(&mut self.0.lock().unwrap())
        }
    }

    impl Sink for Passed {
        fn write(&mut self, message: &Message<'_>) -> Result<(), SinkError> {
            self.0.lock().unwrap().push(serde_json::from_slice(message.line()).unwrap());
            Ok(())
        }
    }

    fn sink(folder: &Path, size: u64) -> (BatchSink<Passed>, Passed) {
        let passed = Passed::default();
        let batches = Batches { folder: folder.display().to_string(), prefix: "shop-".to_owned(), size };
        (BatchSink::new(passed.clone(), batches).unwrap(), passed)
    }

    fn write(sink: &mut impl Sink, messages: &[Value]) {
        for message in messages {
            sink.write(&Message::read(message.to_string().as_bytes())).unwrap();
        }
    }

    fn record(stream: &str, id: u64) -> Value {
        json!({"type": "RECORD", "stream": stream, "record": {"id": id}})
    }

    fn schema(stream: &str) -> Value {
        json!({"type": "SCHEMA", "stream": stream, "schema": {}, "key_properties": ["id"]})
    }

    fn state(id: u64) -> Value {
        json!({"type": "STATE", "value": {"id": id}})
    }

    /// The stream of a BATCH message, and the ids in each of its files.
    fn batch(message: &Value) -> (String, Vec<Vec<u64>>) {
        assert_eq!(message["type"], "BATCH");
        assert_eq!(message["encoding"], json!({"format": "jsonl", "compression": "gzip"}));
        let read = |url: &Value| {
            let path = url.as_str().unwrap().strip_prefix("file://").unwrap();
            assert!(Path::new(path).file_name().unwrap().to_str().unwrap().starts_with("shop-tap-bigcommerce--"));
            let mut text = String::new();
            GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
            text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_u64().unwrap()).collect()
        };
        (message["stream"].as_str().unwrap().to_owned(), message["manifest"].as_array().unwrap().iter().map(read).collect())
    }

    fn files_in(folder: &Path) -> usize {
        std::fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_state_comes_after_the_files_that_it_covers_and_waits_until_there_are_enough_records() {
        let folder = tempfile::tempdir().unwrap();
        let (mut sink, passed) = sink(folder.path(), 3);
        write(&mut sink, &[schema("orders"), schema("brands"), record("orders", 1), record("brands", 7), state(1)]);
        assert_eq!(passed.take(), [schema("orders"), schema("brands")]);
        write(&mut sink, &[record("orders", 2), record("orders", 3), record("orders", 4), state(4)]);
        let given = passed.take();
        assert_eq!(batch(&given[0]), ("brands".to_owned(), vec![vec![7]]));
        assert_eq!(batch(&given[1]), ("orders".to_owned(), vec![vec![1, 2, 3], vec![4]]));
        assert_eq!(given[2..], [state(4)]);
        write(&mut sink, &[state(5)]);
        assert_eq!(passed.take(), [state(5)], "nothing waits");
        write(&mut sink, &[record("orders", 6), state(6), record("orders", 7)]);
        sink.finish().unwrap();
        let given = passed.take();
        assert_eq!((batch(&given[0]).1, &given[1..]), (vec![vec![6, 7]], &[state(6)][..]));
        drop(sink);
        assert_eq!(files_in(folder.path()), 4, "who reads them removes them");
    }

    #[test]
    fn records_do_not_wait_for_others_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let (mut sink, passed) = sink(folder.path(), 1000);
        sink.wait = Duration::ZERO;
        write(&mut sink, &[schema("orders"), record("orders", 1), state(1)]);
        let given = passed.take();
        assert_eq!((batch(&given[1]).1, &given[2]), (vec![vec![1]], &state(1)));
    }

    #[test]
    fn a_new_schema_comes_after_the_records_of_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let (mut sink, passed) = sink(folder.path(), 1000);
        write(&mut sink, &[schema("orders"), record("orders", 1), schema("orders"), record("orders", 2)]);
        sink.finish().unwrap();
        let given = passed.take();
        assert_eq!((batch(&given[1]).1, &given[2], batch(&given[3]).1), (vec![vec![1]], &schema("orders"), vec![vec![2]]));
    }

    #[test]
    fn files_that_no_message_has_named_are_removed_and_names_stay_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a").join("b");
        let (mut sink, _) = sink(&inner, 1);
        write(&mut sink, &[record("../../x", 1), record("orders", 1)]);
        assert_eq!((files_in(&inner), files_in(folder.path())), (2, 1));
        drop(sink);
        assert_eq!(files_in(&inner), 0);
    }

    #[test]
    fn versions_and_a_place_that_is_no_folder_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (mut sink, _) = sink(folder.path(), 1);
        for line in [
            r#"{"type":"RECORD","stream":"orders","record":{"id":1},"version":7}"#,
            r#"{"type":"ACTIVATE_VERSION","stream":"orders","version":7}"#,
        ] {
            let why = sink.write(&Message::read(line.as_bytes())).unwrap_err().to_string();
            assert!(why.contains("BATCH messages have none"), "{why}");
        }
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let batches = Batches { folder: file.display().to_string(), prefix: String::new(), size: 1 };
        let why = BatchSink::new(Passed::default(), batches).err().unwrap().to_string();
        assert!(why.contains("storage.root"), "{why}");
    }
}
