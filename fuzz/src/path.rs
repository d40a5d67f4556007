//! Key paths: what parses prints to what parses to the same, and goes where it says.

use pumice::cdb::{KeyHint, ListInfo, Path, ValueType};

pub fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(path) = text.parse::<Path>() {
        walk(&path);
    }
    // Two relative paths joined are the path of both texts.
    if let Some((left, right)) = text.split_once('\n')
        && let (Ok(left), Ok(right)) = (left.parse::<Path>(), right.parse::<Path>())
    {
        let joined = left.join(&right);
        if right.is_absolute() {
            assert_eq!(joined, right);
        } else if joined.to_string().parse::<Path>().is_ok() {
            assert_eq!(joined.steps().len(), left.steps().len() + right.steps().len());
        }
    }
    hints(&text);
}

fn walk(path: &Path) {
    let printed = path.to_string();
    let again: Path = printed.parse().unwrap_or_else(|error| panic!("{printed:?}: {error}"));
    assert_eq!(&again, path, "{printed:?}");
    assert_eq!(again.to_string(), printed);
    let mut at = path.clone();
    // An entry, its list, what holds the list.
    let mut left = path.steps().len() * 2;
    while let Some(parent) = at.parent() {
        at = parent;
        left = left.checked_sub(1).expect("parents without end");
    }
}

fn hints(text: &str) {
    if let Ok(info) = text.parse::<ListInfo>() {
        assert_eq!(info.to_string().parse::<ListInfo>().as_ref(), Ok(&info));
    }
    if let Ok(hint) = text.parse::<KeyHint>() {
        let printed = format!("{}={}", hint.path, hint.info);
        assert_eq!(printed.parse::<KeyHint>().as_ref(), Ok(&hint), "{printed:?}");
    }
    if let Ok(value_type) = text.parse::<ValueType>() {
        assert_eq!(value_type.to_string().parse::<ValueType>().as_ref(), Ok(&value_type));
    }
}
