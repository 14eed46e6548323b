//! CEL's tokens (the CEL specification, "Syntax").

/// A token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Text(String),
    Int(i64),
    /// A literal of another type: unsigned, floating, bytes.
    Other,
    Sign(&'static str),
}

/// Longer ones first.
const SIGNS: [&str; 26] = [
    "==", "!=", "<=", ">=", "&&", "||", ".?", "[?", "(", ")", "[", "]", "{", "}", ".", ",", ":", "?", "!", "-", "+",
    "*", "/", "%", "<", ">",
];

/// The tokens of an expression; none where it is not CEL, or says what is not read here.
pub(super) fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut rest = text;
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']);
        if let Some(comment) = rest.strip_prefix("//") {
            rest = comment.split_once('\n').map_or("", |(_, rest)| rest);
            continue;
        }
        let Some(first) = rest.chars().next() else { return Some(found) };
        let (token, after) = if first.is_ascii_digit() {
            number(rest)
        } else if let Some(read) = text_literal(rest) {
            read?
        } else if first.is_ascii_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (name, after) = rest.split_at_checked(end)?;
            (Token::Name(name.to_owned()), after)
        } else {
            let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign))?;
            (Token::Sign(sign), rest.strip_prefix(sign)?)
        };
        found.push(token);
        rest = after;
    }
}

fn number(text: &str) -> (Token, &str) {
    let mut end = text.len();
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        // `1.5e-3`; a field of a number there is not.
        let sign = matches!(c, '+' | '-') && matches!(before, 'e' | 'E') && !text.starts_with("0x");
        if !(c.is_ascii_alphanumeric() || c == '.' || sign) {
            end = at;
            break;
        }
        before = c;
    }
    let (digits, after) = text.split_at_checked(end).unwrap_or((text, ""));
    (digits.parse().map_or(Token::Other, Token::Int), after)
}

/// A literal of text or bytes, where one begins here; inside none where it is broken, or escapes in a way that is not read.
fn text_literal(text: &str) -> Option<Option<(Token, &str)>> {
    let (letters, _) = text.char_indices().take(3).find(|(_, c)| matches!(c, '"' | '\''))?;
    let (prefix, rest) = text.split_at_checked(letters)?;
    let prefix = prefix.to_ascii_lowercase();
    let (raw, bytes) = match prefix.as_str() {
        "" => (false, false),
        "r" => (true, false),
        "b" => (false, true),
        "br" | "rb" => (true, true),
        _ => return None,
    };
    Some(quoted(rest, raw).map(|(read, after)| (if bytes { Token::Other } else { Token::Text(read) }, after)))
}

fn quoted(text: &str, raw: bool) -> Option<(String, &str)> {
    let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| text.starts_with(quote))?;
    let mut rest = text.strip_prefix(quote)?;
    let mut read = String::new();
    loop {
        if let Some(after) = rest.strip_prefix(quote) {
            return Some((read, after));
        }
        let mut chars = rest.chars();
        match chars.next()? {
            '\\' if !raw => read.push(match chars.next()? {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                'a' => '\u{7}',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'v' => '\u{b}',
                c @ ('"' | '\'' | '\\' | '`' | '?') => c,
                'x' | 'X' => code(&mut chars, "", 2, 16)?,
                'u' => code(&mut chars, "", 4, 16)?,
                'U' => code(&mut chars, "", 8, 16)?,
                c @ '0'..='3' => code(&mut chars, c.encode_utf8(&mut [0; 4]), 2, 8)?,
                _ => return None,
            }),
            '\n' if quote.len() == 1 => return None,
            c => read.push(c),
        }
        rest = chars.as_str();
    }
}

/// A character by its number, in as many digits, after those that are read already.
fn code(chars: &mut std::str::Chars<'_>, read: &str, digits: usize, radix: u32) -> Option<char> {
    let text: String = read.chars().chain(chars.by_ref().take(digits)).collect();
    let is_number = text.len() == read.len() + digits && text.chars().all(|c| c.is_digit(radix));
    char::from_u32(u32::from_str_radix(&text, radix).ok().filter(|_| is_number)?)
}
