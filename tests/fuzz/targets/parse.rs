//! Any text is parsed or refused: no panic, each place within the text.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (_, diagnostics) = cpl_syntax::parse(text);
    for label in diagnostics.iter().flat_map(|diagnostic| &diagnostic.labels) {
        assert!(text.get(label.span.start..label.span.end).is_some(), "a place within the text");
    }
});
