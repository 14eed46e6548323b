//! Valid programs after a few edits at token boundaries.
#![no_main]

use arbitrary::Arbitrary;

const PROGRAMS: [&str; 3] = [
    include_str!("../../compiler/syntax/tests/fixtures/example.kspec"),
    include_str!("../../compiler/syntax/tests/fixtures/forms.kspec"),
    include_str!("../../compiler/syntax/tests/fixtures/messy.kspec"),
];

/// One edit; positions count word boundaries.
#[derive(Debug, Arbitrary)]
enum Edit {
    /// Takes out everything between two boundaries a few words apart.
    Delete { at: u16, words: u8 },
    /// Writes a piece of the program once more somewhere else.
    Copy { from: u16, words: u8, to: u16 },
    /// Writes a text of the fuzzer's own.
    Insert { at: u16, text: String },
    /// Ends the program.
    Truncate { at: u16 },
}

fn boundaries(text: &str) -> Vec<usize> {
    let mut out = vec![0];
    let mut word = false;
    for (at, c) in text.char_indices() {
        let now = c.is_alphanumeric() || c == '_';
        if !now || !word {
            out.push(at);
        }
        word = now;
    }
    out.push(text.len());
    out
}

libfuzzer_sys::fuzz_target!(|input: (u8, Vec<Edit>)| {
    let (program, edits) = input;
    let mut text = PROGRAMS[program as usize % PROGRAMS.len()].to_owned();
    for edit in edits.into_iter().take(8) {
        let places = boundaries(&text);
        let place = |at: usize| places[at.min(places.len() - 1)];
        let index = |at: u16| at as usize % places.len();
        match edit {
            Edit::Delete { at, words } => text.replace_range(place(index(at))..place(index(at) + words as usize), ""),
            Edit::Copy { from, words, to } => {
                let piece = text[place(index(from))..place(index(from) + words as usize)].to_owned();
                text.insert_str(place(index(to)), &piece);
            }
            Edit::Insert { at, text: piece } => text.insert_str(place(index(at)), &piece),
            Edit::Truncate { at } => text.truncate(place(index(at))),
        }
    }
    kspec_fuzz::holds(&text);
});
