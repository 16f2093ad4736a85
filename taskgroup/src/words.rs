//! An error in words, for reports: all that is known of it is its `Debug`.

use crate::error::Failure;
use std::fmt;

/// One error as its `Debug` says it, a text as it is; of a group below, its errors one after the other.
pub(crate) fn in_words<E: fmt::Debug>(failure: &Failure<E>) -> Box<str> {
    match failure {
        Failure::One(error) => said(error).into(),
        Failure::Group(group) => {
            let errors: Vec<String> = group.errors().map(said).collect();
            let colon = if errors.is_empty() { "" } else { ": " };
            format!("{}{colon}{}", group.headline(), errors.join("; ")).into()
        }
    }
}

fn said(error: impl fmt::Debug) -> String {
    let debug = format!("{error:?}");
    unquoted(&debug).unwrap_or(debug)
}

/// The text, if that is the `Debug` of one.
fn unquoted(debug: &str) -> Option<String> {
    let mut rest = debug.strip_prefix('"')?.strip_suffix('"')?.chars();
    let mut text = String::new();
    while let Some(c) = rest.next() {
        text.push(match c {
            '"' => return None,
            '\\' => match rest.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '0' => '\0',
                'u' => {
                    let hex: String = rest.by_ref().skip(1).take_while(|&c| c != '}').collect();
                    char::from_u32(u32::from_str_radix(&hex, 16).ok()?)?
                }
                itself => itself,
            },
            _ => c,
        });
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_said_as_it_is_and_everything_else_as_its_debug() {
        for text in
            ["", "can't \"open\" C:\\data", "naïve café, e\u{301}", "a\nb\t\r\0\u{1b}\u{202e}", "\"", "\\\"", "\\"]
        {
            assert_eq!(said(text), text);
            assert_eq!(said(String::from(text)), text);
        }
        assert_eq!(said(('a', 1)), "('a', 1)");
        assert_eq!(said([r#"a"#, "b"]), r#"["a", "b"]"#);
        assert_eq!(said(Some("a")), "Some(\"a\")");
        struct Two;
        impl fmt::Debug for Two {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?} and {:?}", "a", "b")
            }
        }
        assert_eq!(said(Two), "\"a\" and \"b\"");
    }
}
