//! Ctrl-C and SIGTERM: the run ends with a STATE and exit code 130; a second signal ends it at once.

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc::channel;
use tap_bigcommerce_sandbox::{Action, Delivery, Fault, Kind};
use tap_bigcommerce_tests::messages::{held, last_state, messages};
use tap_bigcommerce_tests::program::{Ended, LONGEST, with_an_end};
use tap_bigcommerce_tests::shop::{Shop, counts};

fn start(shop: &Shop) -> Child {
    shop.tap([]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

pub(crate) fn signal(child: u32, signal: Signal) {
    kill_process(pid(child), signal).unwrap();
}

pub(crate) fn signal_group(leader: u32, signal: Signal) {
    kill_process_group(pid(leader), signal).unwrap();
}

fn pid(child: u32) -> Pid {
    Pid::from_raw(child.try_into().unwrap()).unwrap()
}

/// A store that never answers one request in the middle of the orders, so that a run cannot end before its signal; and a channel
/// that says when the request has come.
pub(crate) fn stalling() -> (Shop, std::sync::mpsc::Receiver<()>) {
    let shop = Shop::new(counts(40, 10, 5, 5));
    let (tell, stalled) = channel();
    shop.sandbox.with_store(|store| {
        let part = format!("/orders/{}/products", store.ids(Kind::ORDERS).nth(25).unwrap());
        store.add_fault(Fault::on(&part, Action::Deliver(Delivery::Stall)).always());
        store.on_request(move |request, _| {
            if request.path.contains(&part) {
                let _ = tell.send(());
            }
        });
    });
    (shop, stalled)
}

#[test]
fn the_first_signal_ends_the_run_with_a_state() {
    for kind in [Signal::INT, Signal::TERM] {
        let (shop, stalled) = stalling();
        let child = start(&shop);
        let id = child.id();
        // Its output is read throughout, so that nothing but the store holds it up.
        let ending = std::thread::spawn(move || child.wait_with_output().unwrap());
        stalled.recv_timeout(LONGEST).unwrap();
        signal(id, kind);
        let ended = Ended::from(with_an_end(|| ending.join().unwrap())).told(130, &["stopped", "STATE"]);
        assert!(ended.stderr.contains("stopping"), "{}", ended.stderr);
        let stopped = ended.messages();
        let state = last_state(&stopped).clone();
        shop.sandbox.with_store(|store| store.clear_faults());
        let resumed = shop.resume(&state).ok().messages();
        let mut union = held(&stopped);
        union.extend(held(&resumed));
        assert!(union == held(&shop.run([]).ok().messages()), "{kind:?}: something is missing");
    }
}

#[test]
fn the_second_signal_ends_it_at_once() {
    // Nobody reads the output, which is more than a pipe holds, so the STATE after the first signal cannot be written.
    let shop = Shop::new(counts(60, 40, 30, 10));
    let mut child = start(&shop);
    let (first, written) = with_an_end(move || {
        let mut stdout = child.stdout.take().unwrap();
        let mut first = [0];
        stdout.read_exact(&mut first).unwrap();
        signal(child.id(), Signal::INT);
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(log.any(|line| line.unwrap().contains("a second Ctrl-C stops at once")));
        signal(child.id(), Signal::INT);
        assert_eq!(child.wait().unwrap().code(), Some(130));
        let mut written = String::new();
        stdout.read_to_string(&mut written).unwrap();
        (first, written)
    });
    // What had been written is whole up to the last line.
    let written = format!("{}{written}", char::from(first[0]));
    let whole = &written[..written.rfind('\n').map_or(0, |end| end + 1)];
    assert!(!messages(whole).is_empty());
}
