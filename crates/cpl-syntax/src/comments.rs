//! Comments. The grammar skips them, so they are found by a scan of the text.

use crate::span::Span;

/// One `# …` comment, without the end of its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// From the `#` to the last byte before the end of the line.
    pub span: Span,
}

/// All comments of `text`, in order. A `#` inside a text literal is none.
#[must_use]
pub fn comments(text: &str) -> Vec<Comment> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = text_end(bytes, at + 1),
            b'|' if text[..at].trim_end_matches([' ', '\t']).ends_with('\n') => at = row_end(bytes, at),
            b'#' => {
                let end = line_end(bytes, at);
                found.push(Comment { span: Span::new(at, end) });
                at = end;
            }
            _ => at += 1,
        }
    }
    found
}

/// The offset after the last `|` of a table row. Cells may contain anything.
pub fn row_end(bytes: &[u8], at: usize) -> usize {
    let line = line_end(bytes, at);
    bytes[at..line].iter().rposition(|byte| *byte == b'|').map_or(line, |last| at + last + 1)
}

/// The offset after the closing quote, or the end of the line. Holes may contain texts.
pub fn text_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match &bytes[at..] {
            [b'\\', ..] | [b'{', b'{', ..] => at += 2,
            [b'"', ..] => return at + 1,
            [b'\n', ..] => return at,
            [b'{', ..] => at = hole_end(bytes, at + 1),
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The offset after the brace that closes a hole, or the end of the line.
fn hole_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = text_end(bytes, at + 1),
            b'}' => return at + 1,
            b'\n' => return at,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    let newline = bytes[at..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |n| at + n);
    if bytes[at..newline].last() == Some(&b'\r') { newline - 1 } else { newline }
}

#[cfg(test)]
mod tests {
    use super::comments;

    #[test]
    fn a_sign_inside_a_text_begins_no_comment() {
        let texts = [
            (r#"say "{if(a = "x#1", "b", "c")} #2" # 3"#, vec!["# 3"]),
            (r#"say "{{#" # {"#, vec!["# {"]),
            (r##"a = "\"#" # 1"##, vec!["# 1"]),
            ("a # 1\nb # 2\r\n", vec!["# 1", "# 2"]),
            ("say \"{a", vec![]),
        ];
        for (text, expected) in texts {
            let found: Vec<&str> = comments(text).iter().map(|comment| comment.span.of(text)).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
