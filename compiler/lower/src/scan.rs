//! Looking for bytes that hardly any text holds.

/// Bytes that are looked at together: as many as go into a register or two, so that no byte has a branch of its own.
const TOGETHER: usize = 32;

/// Where the first byte is that is one of these. `is` should be told without branches.
pub(crate) fn position(bytes: &[u8], is: impl Fn(u8) -> bool) -> Option<usize> {
    let some = |chunk: &[u8]| chunk.iter().fold(false, |some, byte| some | is(*byte));
    let (at, chunk) = bytes.chunks(TOGETHER).enumerate().find(|(_, chunk)| some(chunk))?;
    chunk.iter().position(|byte| is(*byte)).map(|within| at * TOGETHER + within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_found_wherever_it_is() {
        for at in 0..100 {
            let mut text = vec![b'a'; 100];
            assert_eq!(position(&text, |byte| byte == b'x'), None);
            text[at..].fill(b'x');
            assert_eq!(position(&text, |byte| byte == b'x'), Some(at));
        }
        assert_eq!(position(b"", |_| true), None);
    }
}
