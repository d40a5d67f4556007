//! The parameters of an action: names and texts, from leaves or from NSO's XML string.

use std::collections::BTreeMap;
use std::str::FromStr;

use quick_xml::Reader;
use quick_xml::events::Event;

/// The parameters of an action, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(BTreeMap<String, String>);

/// A parameter that an action does not take as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ParamError {
    /// Its name; `None` when it is about all of them.
    pub name: Option<String>,
    /// What is wrong and what was expected.
    pub reason: String,
}

impl ParamError {
    /// About a parameter.
    pub fn new(name: &str, reason: impl Into<String>) -> Self {
        Self { name: Some(name.to_owned()), reason: reason.into() }
    }
}

impl From<BTreeMap<String, String>> for Params {
    fn from(params: BTreeMap<String, String>) -> Self {
        Self(params)
    }
}

impl Params {
    /// The text of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A parameter that is read; none when it is not there. `wanted` stands after "is not".
    pub fn parse<T: FromStr>(&self, name: &str, wanted: &str) -> Result<Option<T>, ParamError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let wrong = |_| ParamError::new(name, format!("\"{text}\" is not {wanted}"));
        text.parse().map(Some).map_err(wrong)
    }

    /// All of them, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Refuses parameters that an action does not know.
    pub fn only(&self, known: &[&str]) -> Result<(), ParamError> {
        let Some(unknown) = self.0.keys().find(|name| !known.contains(&name.as_str())) else {
            return Ok(());
        };
        let reason = match known {
            [] => "the action has no parameters".to_owned(),
            known => format!("there is no such parameter; there are: {}", known.join(", ")),
        };
        Err(ParamError::new(unknown, reason))
    }

    /// Reads what NSO's `action-params` holds: `<datastore>config</datastore><keep>7</keep>`.
    ///
    /// # Errors
    /// A line that says what is wrong with the XML.
    pub fn from_xml(xml: &str) -> Result<Self, String> {
        let mut reader = Reader::from_str(xml);
        let (mut params, mut open) = (BTreeMap::new(), None::<(String, String)>);
        loop {
            let event = reader.read_event().map_err(|error| format!("not XML: {error}"))?;
            match event {
                Event::Eof if open.is_none() => return Ok(Self(params)),
                Event::Start(_) | Event::Empty(_) if open.is_some() => {
                    return Err("elements inside elements are not parameters".to_owned());
                }
                Event::Start(start) => {
                    open = Some((start.local_name().into_inner().to_owned(), String::new()));
                }
                Event::Empty(start) => {
                    params.insert(start.local_name().into_inner().to_owned(), String::new());
                }
                Event::End(_) => params.extend(open.take()),
                Event::Text(text) => add(&mut open, &text.xml10_content())?,
                Event::CData(text) => add(&mut open, &text.xml10_content())?,
                Event::GeneralRef(reference) => {
                    let name = reference.xml10_content();
                    let letter = quick_xml::escape::resolve_predefined_entity(&name);
                    let letter = letter.ok_or_else(|| format!("not XML: &{name}; is not known"))?;
                    add(&mut open, letter)?;
                }
                Event::Eof => return Err("not XML: an element does not end".to_owned()),
                Event::DocType(_) => return Err("a document type is not taken".to_owned()),
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            }
        }
    }
}

fn add(open: &mut Option<(String, String)>, text: &str) -> Result<(), String> {
    match open {
        Some((_, content)) => content.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err("expected <name>text</name> for each parameter".to_owned()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_xml_of_nso_is_read() {
        let xml = "\n <datastore>config</datastore><text>a &lt; b</text> <now/>\n";
        let params = Params::from_xml(xml).unwrap();
        let all: Vec<_> = params.iter().collect();
        assert_eq!(all, [("datastore", "config"), ("now", ""), ("text", "a < b")]);
        for wrong in ["config", "<a>", "<a><b/></a>", "<a></b>", "<a>&x;</a>"] {
            assert!(Params::from_xml(wrong).is_err(), "{wrong}");
        }
    }
}
