//! Text of others, on its way to a terminal or a log.

use std::fmt::{self, Write};

/// The text as it is, but for characters that would begin a new line, command a terminal, or turn the direction of what stands behind
/// them: those are escaped. A name may come from outside.
///
/// ```
/// use evenkeel::combinator::plain;
///
/// assert_eq!(plain("can't open \"C:\\data\"").to_string(), "can't open \"C:\\data\"");
/// assert_eq!(plain("two\nlines, \u{1b}[31mred").to_string(), "two\\nlines, \\u{1b}[31mred");
/// ```
pub fn plain(text: &str) -> impl fmt::Display {
    Plain(text)
}

struct Plain<'a>(&'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            // Line and paragraph separators; embeddings, overrides and isolates of direction.
            '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => write!(f, "{}", c.escape_unicode()),
            _ if c.is_control() => write!(f, "{}", c.escape_debug()),
            _ => f.write_char(c),
        })
    }
}
