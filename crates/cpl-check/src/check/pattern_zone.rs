//! Zones that stand in a strftime pattern as letters, and are read as such.

/// Whether a name is that of UTC.
pub fn is_utc(zone: &str) -> bool {
    ["UTC", "Etc/UTC", "GMT", "Etc/GMT"].iter().any(|name| zone.eq_ignore_ascii_case(name))
}

/// What of a strftime pattern is read as letters and looks like a zone: `Z`, `UTC`, `EST`, `+02:00`.
pub fn literal_zone(pattern: &str) -> Option<&str> {
    let mut parts = pattern.split('%');
    let mut literals = vec![parts.next()?];
    let mut has_clock = false;
    for directive in parts {
        // Flags, a width and colons come before the letter of a directive.
        let directive = directive.trim_start_matches(|c: char| !c.is_alphabetic());
        has_clock |= directive.starts_with(['H', 'I', 'k', 'l', 'T', 'R', 'r', 'X', 'c']);
        literals.extend(directive.get(1..));
    }
    let is_last = |at: usize| at + 1 == literals.len();
    let words = literals
        .iter()
        .enumerate()
        .flat_map(|(at, literal)| literal.split([' ', ',', '(', ')', '[', ']']).map(move |word| (at, word)));
    let mut zones = words.filter(|(at, word)| {
        let names_utc = ["UTC", "GMT"].iter().any(|name| word.eq_ignore_ascii_case(name));
        // `.000Z` behind the seconds.
        let last = word.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
        let is_z = is_last(*at) && last.eq_ignore_ascii_case("Z");
        names_utc || is_z || (has_clock && (is_zone_letters(word) || is_offset(word)))
    });
    zones.next().map(|(_, word)| word)
}

/// Whether letters are those of another zone than UTC, of which they do not say which: `EST` is one of New York and Jamaica.
pub fn is_local_zone(word: &str) -> bool {
    is_zone_letters(word) && !is_utc(word)
}

/// `EST`, `CEST`.
fn is_zone_letters(word: &str) -> bool {
    (3..=5).contains(&word.len()) && word.bytes().all(|letter| letter.is_ascii_uppercase())
}

/// `+02:00`, `GMT-5`.
fn is_offset(word: &str) -> bool {
    let digits = word.trim_start_matches("UTC").trim_start_matches("GMT").strip_prefix(['+', '-']);
    digits.is_some_and(|digits| {
        let count = digits.bytes().filter(u8::is_ascii_digit).count();
        (1..=4).contains(&count) && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b':')
    })
}

/// What to write for such letters in the pattern of a moment or of a day; behind that of a moment its zone may be written.
pub fn in_its_place(letters: &str, is_moment: bool) -> String {
    let directive = match letters {
        letters if is_utc(letters) => "%Q",
        letters if letters.contains(':') || letters.ends_with(['Z', 'z']) => "%:z",
        _ => "%z",
    };
    match (is_moment, is_local_zone(letters)) {
        (false, true) => "a `datetime` can say which zone is meant: `in \"America/New_York\"`".to_owned(),
        (false, false) => {
            format!("write `{directive}` in its place: then it is the day of that moment in the pipeline's zone")
        }
        (true, true) => "say which zone is meant behind the pattern: `in \"America/New_York\"`".to_owned(),
        (true, false) => format!("write `{directive}` in its place, or `in \"UTC\"` after the pattern"),
    }
}
