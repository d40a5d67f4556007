//! References to environment variables in values: `${NAME}` and `${NAME:-default}` (NSO: ncs.conf(5)).
//!
//! The default holds when the variable is not defined; one defined as empty is empty. What comes out is not
//! looked at again, so a variable cannot smuggle in another reference or an element.

/// A value with its references replaced.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expanded {
    pub(super) text: String,
    /// The variables that it names, defined or not.
    pub(super) variables: Vec<String>,
}

/// Why a reference cannot be replaced: what, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) message: String,
    pub(super) help: String,
}

/// Replaces the references of a value.
pub(super) fn expand(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Expanded, Fault> {
    let mut out = Expanded { text: String::new(), variables: Vec::new() };
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.text.push_str(before);
        let Some((reference, after)) = after.split_once('}') else {
            return Err(Fault {
                message: "a variable reference that does not end".to_owned(),
                help: "write ${NAME} or ${NAME:-default}".to_owned(),
            });
        };
        let (name, default) = match reference.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (reference, None),
        };
        out.text.push_str(&value(name, default, lookup)?);
        out.variables.push(name.to_owned());
        rest = after;
    }
    out.text.push_str(rest);
    Ok(out)
}

fn value(
    name: &str,
    default: Option<&str>,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<String, Fault> {
    if !is_name(name) {
        return Err(Fault {
            message: format!("\"{}\" is not the name of a variable", crate::units::excerpt(name)),
            help: "write ${NAME} or ${NAME:-default}".to_owned(),
        });
    }
    lookup(name).or_else(|| default.map(str::to_owned)).ok_or_else(|| Fault {
        message: format!("the environment variable {name} is not defined"),
        help: format!("define it, or give a default: ${{{name}:-default}}"),
    })
}

fn is_name(name: &str) -> bool {
    let letters = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
        && name.chars().all(letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_data(text: &str) -> Result<String, String> {
        let lookup = |name: &str| match name {
            "DATA" => Some("/srv".to_owned()),
            "EMPTY" => Some(String::new()),
            "LOOP" => Some("${DATA}".to_owned()),
            _ => None,
        };
        expand(text, &lookup).map(|out| out.text).map_err(|fault| fault.message)
    }

    #[test]
    fn references_are_replaced_wherever_they_stand() {
        assert_eq!(with_data("${DATA}/a-${DATA}").unwrap(), "/srv/a-/srv");
        assert_eq!(with_data("${NONE:-/tmp}/x").unwrap(), "/tmp/x");
        assert_eq!(with_data("${NONE:-}").unwrap(), "");
        assert_eq!(with_data("$DATA costs $5").unwrap(), "$DATA costs $5");
    }

    #[test]
    fn a_variable_defined_as_empty_does_not_take_the_default() {
        assert_eq!(with_data("${EMPTY:-x}").unwrap(), "");
    }

    #[test]
    fn a_replacement_is_not_looked_at_again() {
        assert_eq!(with_data("${LOOP}").unwrap(), "${DATA}");
    }

    #[test]
    fn broken_and_undefined_references_are_refused() {
        for wrong in ["${NONE}", "${DATA", "${}", "${A B}", "${1A}", "${A-b}"] {
            assert!(with_data(wrong).is_err(), "{wrong}");
        }
    }
}
