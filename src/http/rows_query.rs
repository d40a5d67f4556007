//! The parameters of answers that are rows: from a query or the body that stands for one.

use serde_json::{Map, Value};

use super::call::Call;
use super::problem::Problem;
use crate::documents::AllDocsRange;

/// Which rows, in which order, and what comes along.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a parameter of the request")]
pub struct RowsQuery {
    /// The first key.
    pub start: Option<String>,
    /// The last key.
    pub end: Option<String>,
    /// Whether the last key is among the rows.
    pub inclusive_end: bool,
    /// Only of this partition.
    pub partition: Option<String>,
    /// These keys, in this order.
    pub keys: Option<Vec<Value>>,
    /// From the last to the first.
    pub descending: bool,
    /// How many at most.
    pub limit: Option<u64>,
    /// How many are passed over.
    pub skip: u64,
    /// Whether documents come along.
    pub include_docs: bool,
    /// Whether conflicts come along with them.
    pub conflicts: bool,
    /// Whether attachments come along with them.
    pub attachments: bool,
    /// Whether it is told where the changes end.
    pub update_seq: bool,
}

impl Default for RowsQuery {
    fn default() -> Self {
        Self {
            start: None,
            end: None,
            inclusive_end: true,
            partition: None,
            keys: None,
            descending: false,
            limit: None,
            skip: 0,
            include_docs: false,
            conflicts: false,
            attachments: false,
            update_seq: false,
        }
    }
}

impl RowsQuery {
    /// Of a request's query.
    pub fn of_call(call: &Call) -> Result<Self, Problem> {
        let mut query = Self::default();
        for (name, text) in call.target.parameters() {
            query.set(name, &Given::Text(text))?;
        }
        query.enter_partition(call.name("partition"))?;
        Ok(query)
    }

    /// Of a path below `_partition`.
    fn enter_partition(&mut self, name: &str) -> Result<(), Problem> {
        if name.is_empty() {
            return Ok(());
        }
        match self.partition.replace(name.to_owned()) {
            Some(other) if other != name => {
                Err(Problem::bad_request("Conflicting value for `partition` in query string"))
            }
            _ => Ok(()),
        }
    }

    /// The same with the members of a body, which count more.
    pub fn with_body(mut self, body: &Map<String, Value>) -> Result<Self, Problem> {
        for (name, value) in body {
            self.set(name, &Given::Json(value))?;
        }
        Ok(self)
    }

    fn set(&mut self, name: &str, given: &Given<'_>) -> Result<(), Problem> {
        match name {
            "start_key" | "startkey" => self.start = Some(given.key()?),
            "end_key" | "endkey" => self.end = Some(given.key()?),
            "key" => {
                let key = given.key()?;
                (self.start, self.end) = (Some(key.clone()), Some(key));
            }
            "partition" => self.partition = Some(given.name()?),
            "keys" => self.keys = Some(given.keys()?),
            "inclusive_end" => self.inclusive_end = given.flag(name)?,
            "descending" => self.descending = given.flag(name)?,
            "include_docs" => self.include_docs = given.flag(name)?,
            "conflicts" => self.conflicts = given.flag(name)?,
            "attachments" => self.attachments = given.flag(name)?,
            "update_seq" => self.update_seq = given.flag(name)?,
            "limit" => self.limit = Some(given.count()?),
            "skip" => self.skip = given.count()?,
            _ => {}
        }
        Ok(())
    }

    /// Holds the number of rows against `query_limit` or, in a partition, `partition_query_limit`; without a number it is that many.
    pub fn within_limits(mut self, call: &Call) -> Result<Self, Problem> {
        let key = if self.partition.is_some() { "partition_query_limit" } else { "query_limit" };
        let max = call.app.service.number("query_server_config", key)?;
        if self.limit.is_some_and(|limit| limit > max) {
            let reason = format!("Limit is too large, must not exceed {max}");
            return Err(Problem::query_parse(reason));
        }
        self.limit = self.limit.or(Some(max));
        Ok(self)
    }

    /// The range of ids.
    pub fn range(&self) -> AllDocsRange {
        AllDocsRange {
            start: self.start.clone(),
            end: self.end.clone(),
            exclusive_end: !self.inclusive_end,
            descending: self.descending,
            skip: self.skip,
            limit: self.limit,
            include_docs: self.include_docs,
        }
    }

    /// Whether a name is within the range.
    pub fn holds(&self, name: &str) -> bool {
        let (low, high) =
            if self.descending { (&self.end, &self.start) } else { (&self.start, &self.end) };
        let is_end = self.end.as_deref() == Some(name);
        low.as_deref().is_none_or(|low| name >= low)
            && high.as_deref().is_none_or(|high| name <= high)
            && (self.inclusive_end || !is_end)
    }
}

/// A parameter as it was given.
enum Given<'a> {
    Text(&'a str),
    Json(&'a Value),
}

impl Given<'_> {
    fn json(&self) -> Result<Value, Problem> {
        match self {
            Self::Text(text) => serde_json::from_str(text).map_err(|_| Problem::bad_json()),
            Self::Json(value) => Ok((*value).clone()),
        }
    }

    /// Ids are strings. Other values sort before every string (null, numbers) or behind (arrays, objects).
    fn key(&self) -> Result<String, Problem> {
        Ok(match self.json()? {
            Value::String(key) => key,
            Value::Array(_) | Value::Object(_) => "\u{10ffff}".to_owned(),
            _ => String::new(),
        })
    }

    /// Text, with or without quotes.
    fn name(&self) -> Result<String, Problem> {
        match self {
            Self::Text(text) => Ok((*text).to_owned()),
            Self::Json(Value::String(text)) => Ok(text.clone()),
            Self::Json(_) => Err(Problem::query_parse("`partition` must be a string.")),
        }
    }

    fn keys(&self) -> Result<Vec<Value>, Problem> {
        match self.json()? {
            Value::Array(keys) => Ok(keys),
            _ => Err(Problem::bad_request("`keys` body member must be an array.")),
        }
    }

    fn flag(&self, _name: &str) -> Result<bool, Problem> {
        match self {
            Self::Text("true") | Self::Json(Value::Bool(true)) => Ok(true),
            Self::Text("false") | Self::Json(Value::Bool(false)) => Ok(false),
            Self::Text(text) => Err(invalid("boolean parameter", text)),
            Self::Json(value) => Err(invalid("boolean parameter", &value.to_string())),
        }
    }

    fn count(&self) -> Result<u64, Problem> {
        let text = match self {
            Self::Text(text) => (*text).to_owned(),
            Self::Json(value) => value.to_string(),
        };
        match text.parse::<i64>() {
            Err(_) => Err(invalid("integer", &text)),
            Ok(number) => u64::try_from(number).map_err(|_| invalid("positive integer", &text)),
        }
    }
}

fn invalid(what: &str, text: &str) -> Problem {
    Problem::query_parse(format!("Invalid value for {what}: \"{text}\""))
}
