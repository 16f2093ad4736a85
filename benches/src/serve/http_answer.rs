//! An HTTP answer, as far as it has come.

use std::str;

/// Reads an answer: `None` while it is not complete, then how many bytes it has. What is not the answer with this body is a fault.
pub(crate) fn read(bytes: &[u8], body: &[u8]) -> Result<Option<usize>, String> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = str::from_utf8(&bytes[..end]).map_err(|_| "the head of the answer is no text".to_owned())?;
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default();
    if status != "HTTP/1.1 200 OK" {
        return Err(format!("the answer begins with `{status}`, not with `HTTP/1.1 200 OK`"));
    }
    let mut length = None;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length =
                Some(value.trim().parse::<usize>().map_err(|_| format!("the answer's length is `{}`", value.trim()))?);
        } else if name.eq_ignore_ascii_case("connection") && value.trim().eq_ignore_ascii_case("close") {
            return Err("the answer closes the connection".to_owned());
        }
    }
    let length = length.ok_or("the answer does not say how long it is")?;
    if length != body.len() {
        return Err(format!("the answer has {length} bytes, not {}", body.len()));
    }
    let got = &bytes[end + 4..];
    if got.len() < length {
        return Ok(None);
    }
    if got[..length] != *body {
        return Err(format!("the body is `{}`", got[..length].escape_ascii()));
    }
    Ok(Some(end + 4 + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\nkeel";

    #[test]
    fn an_answer_is_complete_with_its_last_byte_and_not_before() {
        for length in 0..ANSWER.len() {
            assert_eq!(read(&ANSWER[..length], b"keel"), Ok(None), "{length} bytes");
        }
        assert_eq!(read(ANSWER, b"keel"), Ok(Some(ANSWER.len())));
        let two = [ANSWER, b"HTTP"].concat();
        assert_eq!(read(&two, b"keel"), Ok(Some(ANSWER.len())));
    }

    #[test]
    fn an_answer_that_is_not_the_expected_one_says_why() {
        let fault = |answer: &str| read(answer.as_bytes(), b"keel").unwrap_err();
        let status = fault("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 4\r\n\r\nkeel");
        assert_eq!(status, "the answer begins with `HTTP/1.1 500 Internal Server Error`, not with `HTTP/1.1 200 OK`");
        assert_eq!(fault("HTTP/1.1 200 OK\r\n\r\nkeel"), "the answer does not say how long it is");
        assert_eq!(fault("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nkeels"), "the answer has 5 bytes, not 4");
        assert_eq!(fault("HTTP/1.1 200 OK\r\ncontent-length: few\r\n\r\nkeel"), "the answer's length is `few`");
        assert_eq!(fault("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nkeen"), "the body is `keen`");
        let close = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nConnection: close\r\n\r\nkeel";
        assert_eq!(fault(close), "the answer closes the connection");
        assert_eq!(read(b"\xff\r\n\r\n", b""), Err("the head of the answer is no text".to_owned()));
    }
}
