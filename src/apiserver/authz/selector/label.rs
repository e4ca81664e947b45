//! Label selectors: `a=b,c!=d,e in (f,g),h notin (i),j,!k`.

use std::{collections::BTreeSet, iter::Peekable, vec::IntoIter};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelectorRequirement;

use super::{DOES_NOT_EXIST, EXISTS, IN, NOT_IN};

/// The longest name and value.
const NAME: usize = 63;
/// The longest prefix of a key.
const PREFIX: usize = 253;
/// Of numbers; never leaves this module.
const COMPARISON: &str = "<>";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    /// A key, a value, or one of the operators `in` and `notin`.
    Word(&'a str),
    Not,
    Comma,
    Open,
    Close,
    Equal,
    NotEqual,
    Less,
    Greater,
}

type Tokens<'a> = Peekable<IntoIter<Token<'a>>>;

/// What `selector` requires, by key; none if it cannot be read. A comparison of numbers is left out:
/// the authorizer has no word for it.
pub(in super::super) fn requirements(selector: &str) -> Option<Vec<LabelSelectorRequirement>> {
    let mut tokens = tokens(selector)?.into_iter().peekable();
    let mut requirements = Vec::new();
    while tokens.peek().is_some() {
        requirements.push(requirement(&mut tokens)?);
        match tokens.next() {
            None => break,
            Some(Token::Comma) => {
                tokens.peek()?;
            }
            Some(_) => return None,
        }
    }
    requirements.retain(|one| one.operator != COMPARISON);
    requirements.sort_by(|one, other| one.key.cmp(&other.key));
    Some(requirements)
}

fn tokens(selector: &str) -> Option<Vec<Token<'_>>> {
    let mut rest = selector.trim_start_matches(is_blank);
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            // kube-apiserver takes it for an end of the text.
            '\0' => return None,
            '!' if rest.starts_with("!=") => (Token::NotEqual, 2),
            '!' => (Token::Not, 1),
            '=' if rest.starts_with("==") => (Token::Equal, 2),
            '=' => (Token::Equal, 1),
            ',' => (Token::Comma, 1),
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '<' => (Token::Less, 1),
            '>' => (Token::Greater, 1),
            _ => {
                let is_end = |letter| is_blank(letter) || "\0!=,()<>".contains(letter);
                let length = rest.find(is_end).unwrap_or(rest.len());
                (Token::Word(rest.get(..length)?), length)
            }
        };
        tokens.push(token);
        rest = rest.get(length..)?.trim_start_matches(is_blank);
    }
    Some(tokens)
}

fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\r' | '\n')
}

fn requirement(tokens: &mut Tokens<'_>) -> Option<LabelSelectorRequirement> {
    let is_negated = tokens.next_if_eq(&Token::Not).is_some();
    let Some(Token::Word(key)) = tokens.next() else {
        return None;
    };
    if !is_key(key) {
        return None;
    }
    let (operator, values) = if is_negated {
        (DOES_NOT_EXIST, None)
    } else if matches!(tokens.peek(), None | Some(Token::Comma)) {
        (EXISTS, None)
    } else {
        match tokens.next()? {
            Token::Word("in") => (IN, Some(list(tokens)?)),
            Token::Word("notin") => (NOT_IN, Some(list(tokens)?)),
            Token::Equal => (IN, Some(BTreeSet::from([value(tokens)?]))),
            Token::NotEqual => (NOT_IN, Some(BTreeSet::from([value(tokens)?]))),
            Token::Less | Token::Greater => {
                let number = value(tokens)?;
                let is_number = is_value(number) && number.parse::<i64>().is_ok();
                (is_number.then_some(COMPARISON)?, None)
            }
            Token::Word(_) | Token::Not | Token::Comma | Token::Open | Token::Close => return None,
        }
    };
    if !values.iter().flatten().all(|value| is_value(value)) {
        return None;
    }
    let values = values.map(|values| values.into_iter().map(str::to_owned).collect());
    Some(LabelSelectorRequirement {
        key: key.to_owned(),
        operator: operator.to_owned(),
        values,
    })
}

/// A single value; nothing is the empty one.
fn value<'a>(tokens: &mut Tokens<'a>) -> Option<&'a str> {
    if matches!(tokens.peek(), None | Some(Token::Comma)) {
        return Some("");
    }
    match tokens.next() {
        Some(Token::Word(word)) => Some(word),
        Some(_) | None => None,
    }
}

/// Values in parentheses. Between two commas, and between a comma and a parenthesis, is the empty one.
fn list<'a>(tokens: &mut Tokens<'a>) -> Option<BTreeSet<&'a str>> {
    tokens.next_if_eq(&Token::Open)?;
    let mut values = BTreeSet::new();
    loop {
        let mut token = tokens.next()?;
        if let Token::Word(word) = token {
            values.insert(word);
            token = tokens.next()?;
        } else {
            values.insert("");
        }
        match token {
            Token::Comma => {}
            Token::Close => return Some(values),
            Token::Word(_)
            | Token::Not
            | Token::Open
            | Token::Equal
            | Token::NotEqual
            | Token::Less
            | Token::Greater => return None,
        }
    }
}

/// Whether `key` is a name, perhaps after the name of a domain and a slash.
fn is_key(key: &str) -> bool {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    !name.is_empty() && is_value(name) && prefix.is_none_or(is_domain)
}

/// Whether `value` is short, of the usual letters, and neither begins nor ends with a sign.
fn is_value(value: &str) -> bool {
    let ends = value.chars().next().into_iter().chain(value.chars().last());
    let is_sign = |letter| matches!(letter, '-' | '_' | '.');
    value.len() <= NAME
        && ends
            .into_iter()
            .all(|letter| letter.is_ascii_alphanumeric())
        && value
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || is_sign(letter))
}

fn is_domain(domain: &str) -> bool {
    let is_usual = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_label = |label: &str| {
        let ends = label.bytes().next().zip(label.bytes().last());
        ends.is_some_and(|(first, last)| is_usual(first) && is_usual(last))
            && label.bytes().all(|byte| is_usual(byte) || byte == b'-')
    };
    domain.len() <= PREFIX && domain.split('.').all(is_label)
}

#[cfg(test)]
mod tests;
