//! Faults over real sockets, through every door, and through the program over TLS with HTTP/2 as in production: a complete result, or one sentence and a STATE that the next run completes.

use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tap_bigcommerce_sandbox::{Action, Counts, Delivery, Fault, Kind, Options, Quirks, Quota, Request, Store};
use tap_bigcommerce_tests::messages::{held, trees};
use tap_bigcommerce_tests::runs::{DOORS, Door, Outcome};
use tap_bigcommerce_tests::shop::{Shop, counts};
use tap_bigcommerce_tests::truth::is_whole;
use tokio::sync::Semaphore;

/// How many runs go in parallel. They mostly wait, but on an overloaded machine they would fail for other reasons.
const SIDE_BY_SIDE: usize = 24;

/// How a run under a fault has to end.
#[derive(Clone, Copy)]
pub(crate) enum End {
    /// Well, with everything.
    Whole,
    /// With this exit code, or this kind where there is no code, and these words in the last line. These streams are whole all the same.
    Told { code: i32, kind: &'static str, words: &'static [&'static str], spared: &'static [&'static str] },
}

/// A fault, and what must come of it.
pub(crate) struct Case {
    name: &'static str,
    options: Options,
    settings: Value,
    spoil: Box<dyn Fn(&mut Store) + Send + Sync>,
    end: End,
}

impl Case {
    /// A case with these faults.
    pub(crate) fn new(name: &'static str, faults: Vec<Fault>, end: End) -> Case {
        let spoil = move |store: &mut Store| faults.iter().for_each(|fault| store.add_fault(fault.clone()));
        Case::of(name, Box::new(spoil), end)
    }

    fn of(name: &'static str, spoil: Box<dyn Fn(&mut Store) + Send + Sync>, end: End) -> Case {
        let options = Options { counts: counts(34, 25, 22, 12), ..Options::default() };
        Case { name, options, settings: json!({"page_size": 10}), spoil, end }
    }

    /// The case with one more setting.
    pub(crate) fn with(mut self, key: &str, value: u64) -> Case {
        self.settings[key] = value.into();
        self
    }

    fn in_store(mut self, counts: Counts, quota: Option<Quota>) -> Case {
        self.options = Options { counts, quota, ..self.options };
        self
    }

    /// Walks the case through a door.
    async fn through(&self, door: Door, tls: bool) {
        let what = format!("{} through {door:?}{}", self.name, if tls { " over TLS" } else { "" });
        let shop = if tls { Shop::over_tls(self.options.clone()) } else { Shop::with(self.options.clone()) };
        shop.sandbox.with_store(|store| (self.spoil)(store));
        let first = door.run(&shop, &self.settings, None).await;
        let fired = shop.sandbox.with_store(|store| store.faults_fired());
        shop.sandbox.with_store(|store| {
            store.clear_faults();
            store.quirks = Quirks::default();
        });
        let mut came = trees(&first.messages);
        match self.end {
            End::Whole => assert!(first.good, "{what}: {}", first.log),
            End::Told { code, kind, words, spared } => {
                // At the edge nobody sees an exit code: the response ends well, and its STATE names what is aside.
                if code == 11 && door == Door::Edge {
                    assert!(first.good && first.log.contains("set aside until the next run"), "{what}: {}", first.log);
                } else {
                    is_told(&first, &what, (code, kind), words);
                }
                let second = door.run(&shop, &self.settings, first.state()).await;
                assert!(second.good, "{what}, resumed: {}", second.log);
                let whole = trees(&second.messages).into_iter();
                assert!(first.state().is_some_and(|state| state["bookmarks"].is_object()), "{what}: no STATE");
                for stream in spared {
                    let kept = held(&first.messages).keys().filter(|(name, _)| name == stream).count();
                    let all = shop.sandbox.with_store(|store| store.ids(kind_of(stream)).count());
                    assert_eq!(kept, all, "{what}: {stream} is spared");
                }
                came.extend(whole);
            }
        }
        is_whole(&shop, &came, &what);
        assert!(fired > 0 || self.is_quiet(), "{what}: nothing has gone wrong, so nothing was tested");
        assert!(shop.sandbox.requests().iter().all(|seen| seen.method == "GET" && seen.has_token), "{what}");
    }

    /// Whether the case changes the whole store, so that no single fault fires.
    fn is_quiet(&self) -> bool {
        self.options.quota != Options::default().quota || self.name.starts_with("ignored")
    }
}

fn kind_of(stream: &str) -> Kind {
    match stream {
        "orders" => Kind::ORDERS,
        "customers" => Kind::CUSTOMERS,
        "products" => Kind::PRODUCTS,
        _ => Kind::COUPONS,
    }
}

/// The run has failed with one sentence that says so.
fn is_told(ended: &Outcome, what: &str, (code, kind): (i32, &str), words: &[&str]) {
    assert!(!ended.good, "{what}: {}", ended.log);
    let last = ended.log.lines().last().unwrap_or_default();
    assert!(last.starts_with("CRITICAL ") && words.iter().all(|word| last.contains(word)), "{what}: {last}");
    match ended.code {
        Some(came) => assert_eq!(came, code, "{what}: {last}"),
        None => assert!(last.ends_with(kind), "{what}: {last}"),
    }
    assert_eq!(ended.log.matches("CRITICAL ").count(), 1, "{what}: {}", ended.log);
    for innards in ["panicked", "trap", "Error(", "We will be right back"] {
        assert!(!ended.log.contains(innards), "{what}: {}", ended.log);
    }
}

/// The doors, and whether the store is served over TLS there. The two components have no HTTP client of their own to try.
const WAYS: [(Door, bool); 4] = [(Door::Program, true), (Door::Program, false), (Door::Command, false), (Door::Edge, false)];

/// Walks each case through each door, side by side.
pub(crate) async fn walk(cases: Vec<Case>) {
    let places = Arc::new(Semaphore::new(SIDE_BY_SIDE));
    let mut runs = Vec::new();
    for case in cases.into_iter().map(Arc::new) {
        for (door, tls) in WAYS {
            let (case, places) = (case.clone(), places.clone());
            runs.push(tokio::spawn(async move {
                let _place = places.acquire().await.expect("nobody closes it");
                case.through(door, tls).await;
            }));
        }
    }
    let mut failed = 0;
    for run in runs {
        failed += usize::from(run.await.is_err());
    }
    assert_eq!(failed, 0, "what has failed is told above");
}

/// Whether it asks for the line items of an order.
pub(crate) fn lines(request: &Request) -> bool {
    request.path.contains("/orders/") && request.path.ends_with("/products")
}

/// The fault on a page of every list, on the lines of two orders in a row, and on a count.
fn everywhere(action: &Action) -> Vec<Fault> {
    let lists = ["/v2/orders?", "/v3/customers?", "/catalog/products?", "/v2/coupons?", "/v2/orders/count"];
    let lists = lists.into_iter().zip([1, 1, 1, 0, 0]).map(|(list, skip)| Fault::on(list, action.clone()).skip(skip));
    lists.chain([Fault::when(lines, action.clone()).skip(5).times(2)]).collect()
}

/// The product lines of the order at a place, whose number of lines is known: 50 at 11, 51 at 12, 300 at 31.
fn lines_of(place: usize) -> impl Fn(&Request) -> bool {
    let path = Store::new(Options::default()).ids(Kind::ORDERS).nth(place).map(|id| format!("/orders/{id}/products"));
    move |request| path.as_ref().is_some_and(|path| request.path.ends_with(path))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_fault_that_passes_costs_time_and_no_record() {
    let passing = |name, action: Action| Case::new(name, everywhere(&action), End::Whole);
    let delivered = |name, delivery| passing(name, Action::Deliver(delivery));
    let second = Duration::from_secs(1);
    let quick = Some(Quota { requests: 20_000, window: second });
    let slow = Delivery::Drip { bytes: 16, every: second / 4 };
    let steady = Action::Deliver(Delivery::Drip { bytes: 2048, every: second / 500 });
    let again = |matches: Box<dyn Fn(&Request) -> bool + Send + Sync>| Fault::when(matches, Action::DuplicatePage).skip(1);
    let orders: Box<dyn Fn(&Request) -> bool + Send + Sync> = Box::new(|request| request.path.ends_with("/v2/orders"));
    let small = counts(9, 12, 6, 5);
    let ten = Some(Quota { requests: 10, window: second });
    let silent = |store: &mut Store| store.quirks.no_rate_headers = true;
    walk(vec![
        passing("500", Action::status(500)),
        passing("502", Action::status(502)),
        passing("503", Action::status(503)),
        passing("504", Action::status(504)),
        passing("429 with headers", Action::Throttle { headers: true }).in_store(counts(34, 25, 22, 12), quick),
        passing("429 without headers", Action::Throttle { headers: false }),
        passing("truncated JSON", Action::TruncatedJson),
        passing("HTML with status 200", Action::Html200),
        delivered("a reset mid-body", Delivery::ResetMidBody),
        delivered("no answer", Delivery::CloseBeforeAnswer),
        delivered("a wrong content-length", Delivery::WrongContentLength),
        delivered("silence", Delivery::Stall).with("request_timeout_seconds", 2),
        delivered("silence of a connection", Delivery::StallConnection).with("request_timeout_seconds", 2),
        delivered("a drip slower than the timeout", slow).with("request_timeout_seconds", 2),
        Case::new("a drip", vec![Fault::on("/v", steady).always()], End::Whole),
        Case::new("a page of orders twice", vec![again(orders)], End::Whole),
        Case::new("a page of lines twice", vec![again(Box::new(lines_of(31)))], End::Whole),
        Case::new("a quota of 10", Vec::new(), End::Whole).in_store(small, ten),
        Case::new("no quota and no headers", Vec::new(), End::Whole).in_store(counts(34, 25, 22, 12), None),
        Case::of("a quota that no header tells", Box::new(silent), End::Whole).in_store(small, ten),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_fault_that_stays_is_told_in_a_sentence_and_the_next_run_completes_the_rest() {
    let elsewhere = Shop::new(counts(34, 25, 22, 12));
    let told = |words, spared| End::Told { code: 9, kind: "[api]", words, spared };
    let aside = |spared| End::Told { code: 11, kind: "[set-aside]", words: &["set aside", "orders"], spared };
    let others: &[&str] = &["customers", "products", "coupons"];
    let to = format!("{}/stores/sandbox/v2/orders", elsewhere.sandbox.url());
    let redirect = Fault::on("/v2/orders?", Action::Redirect(to)).skip(2).always();
    let rows = vec![json!({"quantity": 1}); 250];
    let endless = Action::Status { code: 200, body: Some(Value::from(rows).to_string().into_bytes()), headers: Vec::new() };
    let ignored = |parameter: &'static str| {
        Box::new(move |store: &mut Store| store.quirks.ignored_parameters.extend([parameter.to_owned()]))
    };
    let gone = |part: &'static str| {
        let below_an_order = move |request: &Request| request.path.contains("/orders/") && request.path.ends_with(part);
        Fault::when(below_an_order, Action::NotFound).skip(20).always()
    };
    walk(vec![
        Case::new("a redirect", vec![redirect], told(&["orders", "redirects", "api_url"], others)),
        Case::new("lines that are not found", vec![gone("/products")], told(&["orders", "products", "404"], others)),
        Case::new(
            "the same page for ever",
            vec![Fault::on("/v2/orders?", Action::DuplicatePage).skip(2).always()],
            told(&["orders", "already read", "twice"], others),
        ),
        Case::new("lines without an end", vec![Fault::when(lines_of(11), endless).always()], aside(others)),
        Case::new(
            "the same lines for ever",
            vec![Fault::when(lines_of(31), Action::DuplicatePage).skip(3).always()],
            aside(others),
        ),
        Case::of("ignored positions of orders", ignored("min_id"), told(&["orders"], &["customers", "products"])),
        Case::of("ignored positions of customers", ignored("after"), told(&["customers"], &["orders", "coupons"])),
        Case::of("ignored positions of products", ignored("id:greater"), told(&["products"], &["orders", "coupons"])),
        Case::of("ignored pages of lines", ignored("page"), aside(&["coupons"])),
    ])
    .await;
    assert_eq!(elsewhere.sandbox.request_count(), 0, "nothing is sent elsewhere");
}

/// Nothing here looks at a clock: the store counts what it had to refuse.
#[tokio::test(flavor = "multi_thread")]
async fn a_small_quota_is_never_overrun() {
    for door in DOORS {
        let quota = Some(Quota { requests: 10, window: Duration::from_millis(500) });
        let shop = Shop::with(Options { counts: counts(4, 3, 3, 3), quota, ..Options::default() });
        let run = door.run(&shop, &json!({}), None).await;
        assert!(run.good, "{}", run.log);
        assert!(shop.sandbox.request_count() > 15, "more than one window is needed");
        assert_eq!(shop.sandbox.with_store(|store| store.throttled()), 0, "{door:?}");
    }
}
