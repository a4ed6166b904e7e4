//! A program on a terminal of its own.

use crate::program::{LONGEST, with_an_end};
use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::thread::spawn;
use std::time::Instant;

/// A terminal with a program that reads and writes there alone.
#[derive(Debug)]
pub struct Terminal {
    keyboard: File,
    child: Child,
    pieces: Receiver<Vec<u8>>,
    shown: Vec<u8>,
    /// How much of the text `wait_for` has already passed.
    seen: usize,
    /// The terminal, for as long as its program runs.
    _screen: Screen,
}

struct Screen(#[expect(dead_code, reason = "it is held")] Pty);

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Screen")
    }
}

impl Terminal {
    /// Starts a program on a terminal that is so many columns wide.
    pub fn start(mut command: std::process::Command, columns: u16) -> Terminal {
        command.env("TERM", "xterm");
        let (pty, other_end) = open().expect("a terminal can be had");
        pty.resize(Size::new(50, columns)).expect("a terminal has a size");
        let copy = || File::from(pty.as_fd().try_clone_to_owned().expect("a file can be opened once more"));
        let (keyboard, mut screen) = (copy(), copy());
        let child = Command::from(command).spawn(other_end).expect("the program can be started");
        let (tell, pieces) = channel();
        spawn(move || {
            let mut piece = [0; 4096];
            // The end of the program is an error here.
            while let Ok(read @ 1..) = screen.read(&mut piece) {
                let _ = tell.send(piece[..read].to_vec());
            }
        });
        Terminal { keyboard, child, pieces, shown: Vec::new(), seen: 0, _screen: Screen(pty) }
    }

    /// Waits until this text is shown, after what was waited for before. It may be wrapped.
    pub fn wait_for(&mut self, text: &str) {
        let end = Instant::now() + LONGEST;
        loop {
            let shown = self.text().replace("\r\n", " ");
            if let Some(place) = shown[self.seen..].find(text) {
                self.seen += place + text.len();
                return;
            }
            match self.pieces.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(piece) => self.shown.extend(piece),
                Err(_) => panic!("{text:?} is not in: {shown}"),
            }
        }
    }

    /// Types some text.
    pub fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).expect("a terminal takes what is typed");
    }

    /// Waits for the program's end. Gives its exit code and all that it has shown, without what steers the terminal.
    pub fn end(mut self) -> (Option<i32>, String) {
        with_an_end(move || {
            let code = self.child.wait().expect("the program can be waited for").code();
            while let Ok(piece) = self.pieces.recv() {
                self.shown.extend(piece);
            }
            (code, self.text())
        })
    }

    fn text(&self) -> String {
        plain(&String::from_utf8_lossy(&self.shown))
    }
}

/// A text without escape sequences.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' {
            // ESC [ parameters and a letter.
            letters.find(char::is_ascii_alphabetic);
        } else {
            plain.push(letter);
        }
    }
    plain
}

/// The rows of what was shown. A row that is written over counts each time.
pub fn rows(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\r', '\n'])
}
