//! The PostgreSQL database: it holds the whole store, a second run changes nothing, and its password is shown nowhere.

use serde_json::Value;
use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::channel;
use std::time::Duration;
use tap_bigcommerce_sandbox::{Counts, Kind};
use tap_bigcommerce_tests::messages::{Message, of_stream};
use tap_bigcommerce_tests::postgres::{PASSWORD, Server, USER};
use tap_bigcommerce_tests::program::{Ended, LONGEST, program, run};
use tap_bigcommerce_tests::shop::{Shop, counts};
use tap_bigcommerce_tests::truth::{Held, is_whole};

const STREAMS: [&str; 5] = ["orders", "order_products", "customers", "products", "coupons"];
const SMALL: Counts = counts(5, 5, 5, 5);

/// One for all tests of this process. It ends with it.
static SERVER: LazyLock<Option<Server>> = LazyLock::new(Server::start);

fn output(server: &Server, schema: &str) -> String {
    server.url(&format!("schema={schema}"))
}

/// Everything that the tables hold, the state apart.
fn dump(server: &Server, schema: &str) -> BTreeMap<&'static str, Vec<String>> {
    let rows = |stream| {
        let mut rows: Vec<String> = server.rows(schema, stream).unwrap().iter().map(Value::to_string).collect();
        rows.sort_unstable();
        (stream, rows)
    };
    STREAMS.into_iter().map(rows).collect()
}

/// A field as the database shows it in JSON, by the type of its column.
fn same(what: &str, kind: &str, held: &Value, record: &Message, name: &str) {
    let wanted = record.tree()[name].clone();
    match kind {
        _ if wanted.is_null() => assert!(held.is_null(), "{what}: {held}"),
        "timestamp with time zone" => {
            let seconds = |text: &str| text.replace("+00:00", "Z");
            assert_eq!(seconds(held.as_str().unwrap()), wanted.as_str().unwrap(), "{what}");
        }
        _ => assert_eq!(*held, wanted, "{what}"),
    }
}

#[test]
fn the_database_holds_every_record_with_all_that_is_in_it() {
    let Some(server) = SERVER.as_ref() else { return };
    let shop = Shop::new(counts(60, 40, 30, 12));
    let ended = shop.run(["--output", &output(server, "whole")]).ok();
    assert_eq!(ended.stdout, "", "messages go to the database alone");
    let messages = shop.run([]).ok().messages();
    let mut held = Held::new();
    for stream in STREAMS {
        let mut rows: BTreeMap<u64, Value> =
            server.rows("whole", stream).unwrap().into_iter().map(|row| (row["id"].as_u64().unwrap(), row)).collect();
        held.extend(rows.iter().map(|(id, row)| ((stream.to_owned(), *id), row.clone())));
        let kinds: Value = serde_json::from_str(
            &server
                .text(&format!(
                    "SELECT jsonb_object_agg(attname, format_type(atttypid, atttypmod))::text FROM pg_attribute
             WHERE attrelid = 'whole.{stream}'::regclass AND attnum > 0"
                ))
                .unwrap(),
        )
        .unwrap();
        for record in of_stream(&messages, stream) {
            let row = rows.remove(&record.id()).unwrap_or_else(|| panic!("{stream} {} is missing", record.id()));
            for (name, held) in row.as_object().unwrap() {
                same(&format!("{stream} {} {name}", record.id()), kinds[name].as_str().unwrap(), held, record, name);
            }
        }
        assert!(rows.is_empty(), "{stream} has rows too many");
    }
    is_whole(&shop, &held, "PostgreSQL");
    let state: Value =
        serde_json::from_str(&server.text("SELECT value FROM whole._tap_bigcommerce WHERE name = 'state'").unwrap()).unwrap();
    assert_eq!(&state, messages.last().unwrap().value.as_ref().unwrap());
}

#[test]
fn ordinary_sql_gives_the_numbers_of_the_store() {
    let Some(server) = SERVER.as_ref() else { return };
    let shop = Shop::new(counts(60, 40, 30, 12));
    shop.run(["--output", &output(server, "numbers")]).ok();
    let (totals, ids): (Vec<f64>, Vec<u64>) = shop.sandbox.with_store(|store| {
        let total =
            |id| store.record(Kind::ORDERS, id).unwrap().fields["total_inc_tax"].as_str().unwrap().parse::<f64>().unwrap();
        store.ids(Kind::ORDERS).map(|id| (total(id), id)).unzip()
    });
    let number = |query: &str| server.text(query).unwrap().parse::<f64>().unwrap();
    let sum = number("SELECT sum(total_inc_tax)::text FROM numbers.orders");
    assert_eq!(format!("{sum:.4}"), format!("{:.4}", totals.iter().sum::<f64>()));
    let most = totals.iter().copied().fold(0.0, f64::max);
    assert!((number("SELECT max(total_inc_tax)::text FROM numbers.orders") - most).abs() < f64::EPSILON);
    let above = totals.iter().filter(|total| **total > 100.0).count();
    assert!(above > 0 && above < totals.len());
    let counted = server.text("SELECT count(*)::text FROM numbers.orders WHERE total_inc_tax > 100");
    assert_eq!(counted, Some(above.to_string()));
    assert_eq!(server.text("SELECT count(*)::text FROM numbers.orders"), Some(ids.len().to_string()));
    let lines =
        "SELECT (sum(jsonb_array_length(products)) = (SELECT count(*) FROM numbers.order_products))::text FROM numbers.orders";
    assert_eq!(server.text(lines).as_deref(), Some("true"));
    let dates: Vec<i64> = shop.sandbox.with_store(|store| {
        store.ids(Kind::ORDERS).map(|id| store.date_modified(Kind::ORDERS, id).unwrap().timestamp()).collect()
    });
    for (edge, date) in [("min", dates.iter().min()), ("max", dates.iter().max())] {
        let held = server.text(&format!("SELECT extract(epoch FROM {edge}(date_modified))::bigint::text FROM numbers.orders"));
        assert_eq!(held, date.map(ToString::to_string), "{edge}");
    }
}

#[test]
fn a_second_run_changes_nothing_and_a_change_in_the_store_replaces_its_row() {
    let Some(server) = SERVER.as_ref() else { return };
    let shop = Shop::new(counts(20, 10, 5, 5));
    let to = output(server, "second");
    shop.run(["--output", &to]).ok();
    let before = dump(server, "second");
    shop.run(["--output", &to]).ok();
    assert_eq!(dump(server, "second"), before);
    shop.run(["--output", &to, "--full-refresh", "orders"]).ok();
    assert_eq!(dump(server, "second"), before, "a stream that is read again is the same");
    let id = shop.sandbox.with_store(|store| {
        let id = store.ids(Kind::ORDERS).nth(4).unwrap();
        let newest = store.ids(Kind::ORDERS).filter_map(|id| store.date_modified(Kind::ORDERS, id)).max().unwrap();
        store.edit(Kind::ORDERS, id, newest + Duration::from_secs(5), |order| {
            order.fields.insert("staff_notes".into(), "leave at the door".into());
        });
        id
    });
    shop.run(["--output", &to]).ok();
    let note = server.text(&format!("SELECT staff_notes FROM second.orders WHERE id = {id}"));
    assert_eq!(note.as_deref(), Some("leave at the door"));
    assert_eq!(server.text("SELECT count(*)::text FROM second.orders").as_deref(), Some("20"));
}

#[test]
fn the_sandbox_needs_nothing_but_the_database() {
    let Some(server) = SERVER.as_ref() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(["--sandbox", "--output", &output(server, "sandbox")]);
    command.current_dir(folder.path());
    run(command).ok();
    let orders = server.text("SELECT count(*)::text FROM sandbox.orders");
    assert_eq!(orders, Some(Counts::default().get(Kind::ORDERS).to_string()));
}

/// The program, in an environment that asks for every log and backtrace.
fn loud(shop: &Shop, args: &[&str]) -> Command {
    let mut command = shop.tap(args.iter().copied());
    command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full").env("RUST_LIB_BACKTRACE", "1");
    command
}

fn keeps_the_password(what: &str, ended: Ended) -> Ended {
    for text in [&ended.stdout, &ended.stderr] {
        assert!(!text.contains(PASSWORD), "{what}: the password is in: {text}");
    }
    ended
}

#[test]
fn no_output_of_any_run_holds_the_password() {
    let Some(server) = SERVER.as_ref() else { return };
    let shop = Shop::new(SMALL);
    let with_password = |schema: &str| format!("{}&password={PASSWORD}", output(server, schema));
    let good = with_password("secret");
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    // It takes the connection and says nothing.
    let nobody = format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/shop?connect_timeout=1", silent.local_addr().unwrap().port());
    let report = ["--output", good.as_str(), "--report", "report.html"];
    keeps_the_password("a good run", run(loud(&shop, &report))).ok();
    assert!(!std::fs::read_to_string(shop.path("report.html")).unwrap().contains(PASSWORD));
    keeps_the_password("--help", run(loud(&shop, &["--output", &good, "--help"]))).ok();
    server.execute("CREATE SCHEMA taken; CREATE TABLE taken.orders (mine text)");
    let other = Shop::with(tap_bigcommerce_sandbox::Options { counts: SMALL, store_hash: "other".into(), ..Default::default() });
    keeps_the_password("another store", run(loud(&other, &["--output", &good]))).told(10, &["secret", "stores/other"]);
    shop.file("state.json", "{}");
    for (args, code, words) in [
        (&["--output", &with_password("taken")][..], 10, "did not make"),
        (&["--output", &good.replace("user=tap", "user=no_one")], 10, "no_one"),
        (&["--output", &nobody], 10, "cannot be reached"),
        (&["--output", &good, "--state", "state.json"], 4, "its own state"),
        (&["--output", &good.replace("postgres:", "postgress:")], 2, "there is no output"),
        (&["--output", &format!("{good}&sslmode=no")], 2, "sslmode"),
        (&["--output", &format!("postgres://{USER}:x@{PASSWORD}@db/shop")], 2, "%40"),
        (&["--check", "--output", &good], 2, "--check"),
        (&[good.as_str()], 2, "unrecognized subcommand"),
    ] {
        let ended = keeps_the_password(&args.join(" "), run(loud(&shop, args)));
        assert!(ended.code == Some(code) && ended.stderr.contains(words), "{args:?}: {ended:?}");
    }
    drop(silent);
}

#[test]
fn the_password_may_come_from_the_environment() {
    let Some(server) = Server::start_on_a_port() else { return };
    let shop = Shop::new(SMALL);
    let url = format!("postgres://{USER}@127.0.0.1:{}/postgres?schema=shop", server.port());
    let with = |password: &str| {
        let mut command = shop.tap(["--output", &url]);
        command.env("PGPASSWORD", password);
        run(command)
    };
    with(PASSWORD).ok();
    assert_eq!(server.text("SELECT count(*)::text FROM shop.orders").as_deref(), Some("5"));
    let wrong = with("not-the-password");
    assert!(!wrong.stderr.contains("not-the-password"));
    wrong.told(10, &["did not let the tap in", "PGPASSWORD"]);
    shop.run(["--output", &url]).told(10, &["asks for a password"]);
}

/// The orders that are there are those that the state covers, no more and no less.
fn fits_its_state(server: &Server, shop: &Shop, schema: &str) {
    let Some(own) = server.rows(schema, "_tap_bigcommerce") else { return };
    let orders = server.rows(schema, "orders");
    match own.iter().find(|row| row["name"] == "state") {
        Some(row) => {
            let state: Value = serde_json::from_str(row["value"].as_str().unwrap()).unwrap();
            assert_eq!(orders.map_or(0, |orders| orders.len()), shop.orders_covered(&state), "{state}");
        }
        None => assert!(orders.is_none(), "there are rows and no state"),
    }
}

#[test]
fn a_run_killed_again_and_again_ends_with_the_same_tables() {
    let Some(server) = SERVER.as_ref() else { return };
    let shop = Shop::new(counts(300, 100, 40, 20));
    shop.run(["--output", &output(server, "unharmed")]).ok();
    let requests = shop.sandbox.request_count();
    let to = output(server, "killed");
    let mut kills = 0;
    // Each run resumes, so that fewer and fewer requests are left.
    for moment in (1..=8).map(|part| 1 + requests / (4 * part)) {
        let asked = shop.after_requests(moment);
        let mut child = shop.tap(["--output", &to]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let is_over = loop {
            match (asked.try_recv(), child.try_wait().unwrap()) {
                (Ok(()), _) => break false,
                (_, Some(_)) => break true,
                _ => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        if !is_over {
            // It may have ended this very moment.
            let _ = child.kill();
            kills += 1;
        }
        child.wait().unwrap();
        fits_its_state(server, &shop, "killed");
    }
    assert!(kills > 2, "{kills} runs were killed");
    shop.run(["--output", &to]).ok();
    assert_eq!(dump(server, "killed"), dump(server, "unharmed"));
}

#[test]
fn a_server_that_is_killed_during_a_run_ends_it_and_the_next_one_completes_the_tables() {
    let Some(mut server) = Server::start_safe() else { return };
    let shop = Shop::new(counts(300, 100, 40, 20));
    shop.run(["--output", &output(&server, "unharmed")]).ok();
    let requests = shop.sandbox.request_count();
    let to = output(&server, "killed");
    for moment in [requests / 3, requests / 4] {
        let (tell, asked) = channel();
        let (resume, waiting) = channel::<()>();
        let mut left = moment;
        // The store holds its answer back until the server is gone.
        shop.sandbox.with_store(|store| {
            store.on_request(move |_, _| {
                if left == 1 {
                    tell.send(()).unwrap();
                    waiting.recv_timeout(LONGEST).unwrap();
                }
                left = left.saturating_sub(1);
            });
        });
        let child = shop.tap(["--output", &to]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        asked.recv_timeout(LONGEST).unwrap();
        server.kill();
        resume.send(()).unwrap();
        Ended::from(child.wait_with_output().unwrap()).told(10, &["was lost", "nothing is half-written", "run again"]);
        server.restart();
        fits_its_state(&server, &shop, "killed");
    }
    shop.run(["--output", &to]).ok();
    assert_eq!(dump(&server, "killed"), dump(&server, "unharmed"));
}
