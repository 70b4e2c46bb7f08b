//! A stream from outside, cut at places the input chooses.

#![no_main]

use api::recordio::Decoder;

const MAX: usize = 64;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut decoder = Decoder::new(MAX);
    let size = bytes.first().map_or(1, |first| usize::from(*first).max(1));
    for piece in bytes.chunks(size) {
        decoder.push(piece.to_vec());
        while let Ok(Some(record)) = decoder.next() {
            assert!(record.len() <= MAX);
        }
    }
});
