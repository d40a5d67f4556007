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
    /// The first id, where no first key is given.
    start_id: Option<String>,
    /// The last id, where no last key is given.
    end_id: Option<String>,
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
    /// Whether it comes along how attachments are stored.
    pub att_encoding_info: bool,
    /// Whether it is told where the changes end.
    pub update_seq: bool,
}

impl Default for RowsQuery {
    fn default() -> Self {
        Self {
            start: None,
            start_id: None,
            end_id: None,
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
            att_encoding_info: false,
            update_seq: false,
        }
    }
}

impl RowsQuery {
    /// Of a request: the members of its body, and the query, which counts more.
    pub fn of_call(call: &Call, body: &Map<String, Value>) -> Result<Self, Problem> {
        let mut query = Self::default().with_body(body)?;
        for (name, text) in call.target.parameters() {
            query.set(name, &Given::Text(text))?;
        }
        query.enter_partition(call.name("partition"))?;
        query.check()?;
        Ok(query)
    }

    /// One of the `queries` of a body: its members count more than those of the request.
    pub fn of_queries(call: &Call, members: &Map<String, Value>) -> Result<Self, Problem> {
        let mut query = Self::of_call(call, &Map::new())?.with_body(members)?;
        // One key is a range of one here, as CouchDB has it.
        if let Some([Value::String(key)]) = query.keys.as_deref() {
            (query.start, query.end) = (Some(key.clone()), Some(key.clone()));
            query.keys = None;
        }
        query.check()?;
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
    fn with_body(mut self, body: &Map<String, Value>) -> Result<Self, Problem> {
        for (name, value) in body {
            self.set(name, &Given::Json(value))?;
        }
        Ok(self)
    }

    fn set(&mut self, name: &str, given: &Given<'_>) -> Result<(), Problem> {
        match name {
            "start_key" | "startkey" => self.start = given.key()?,
            "end_key" | "endkey" => self.end = Some(given.key()?.unwrap_or_default()),
            "start_key_doc_id" | "startkey_docid" => self.start_id = Some(given.name(name)?),
            "end_key_doc_id" | "endkey_docid" => self.end_id = Some(given.name(name)?),
            "key" => {
                let key = given.key()?.unwrap_or_default();
                (self.start, self.end) = (Some(key.clone()), Some(key));
            }
            "partition" => self.partition = Some(given.name(name)?),
            "keys" => self.keys = Some(given.keys()?),
            "inclusive_end" => self.inclusive_end = given.flag()?,
            "descending" => self.descending = given.flag()?,
            "include_docs" => self.include_docs = given.flag()?,
            "conflicts" => self.conflicts = given.flag()?,
            "attachments" => self.attachments = given.flag()?,
            "att_encoding_info" => self.att_encoding_info = given.flag()?,
            "update_seq" => self.update_seq = given.flag()?,
            "limit" => self.limit = Some(given.count()?),
            "skip" => self.skip = given.count()?,
            _ => return given.check_view_parameter(name),
        }
        Ok(())
    }

    /// Several keys have no last key beside them. CouchDB takes a first key, which has no effect.
    fn check(&self) -> Result<(), Problem> {
        let is_list = self.keys.as_ref().is_some_and(|keys| keys.len() > 1);
        match is_list && self.end.is_some() {
            true => Err(Problem::query_parse(
                "`keys` is incompatible with `key`, `start_key` and `end_key`",
            )),
            false => Ok(()),
        }
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
            start: self.start.clone().or_else(|| self.start_id.clone()),
            end: self.end.clone().or_else(|| self.end_id.clone()),
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

    /// Ids are strings. No id is any other value, nor before or behind it.
    fn key(&self) -> Result<Option<String>, Problem> {
        Ok(match self.json()? {
            Value::String(key) => Some(key),
            _ => None,
        })
    }

    /// Text, with or without quotes.
    fn name(&self, name: &str) -> Result<String, Problem> {
        match self {
            Self::Text(text) => Ok((*text).to_owned()),
            Self::Json(Value::String(text)) => Ok(text.clone()),
            Self::Json(_) => Err(Problem::query_parse(format!("`{name}` must be a string."))),
        }
    }

    fn keys(&self) -> Result<Vec<Value>, Problem> {
        match (self, self.json()?) {
            (_, Value::Array(keys)) => Ok(keys),
            (Self::Text(_), _) => Err(Problem::query_parse("`keys` must be an array of strings.")),
            (Self::Json(_), _) => Err(Problem::bad_request("`keys` body member must be an array.")),
        }
    }

    /// `true` or `false`, in letters of any size; also as text in a body.
    fn flag(&self) -> Result<bool, Problem> {
        let (text, shown) = match self {
            Self::Json(Value::Bool(flag)) => return Ok(*flag),
            Self::Text(text) => (*text, format!("{text:?}")),
            Self::Json(value) => (value.as_str().unwrap_or_default(), value.to_string()),
        };
        match text.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Problem::query_parse(format!("Invalid boolean parameter: {shown}"))),
        }
    }

    /// A parameter of views: what cannot be asked of documents is refused, what is no parameter is passed over.
    fn check_view_parameter(&self, name: &str) -> Result<(), Problem> {
        let is_one_of = |values: &[&str]| match self {
            Self::Text(text) => values.contains(text),
            Self::Json(Value::String(text)) => values.contains(&text.as_str()),
            Self::Json(value) => values.contains(&value.to_string().as_str()),
        };
        let reason = match name {
            "reduce" if self.flag()? => "Reduce is invalid for map-only views.",
            "group" if self.flag()? => "Invalid use of grouping on a map view.",
            "group_level" if self.count()? > 0 => "Invalid use of grouping on a map view.",
            "sorted" => return self.flag().map(|_| ()),
            "stable" if !is_one_of(&["true", "false"]) => "Invalid value for `stable`.",
            "update" if !is_one_of(&["true", "false", "lazy"]) => "Invalid value for `update`.",
            "stale" if !is_one_of(&["ok", "update_after"]) => "Invalid value for `stale`.",
            _ => return Ok(()),
        };
        Err(Problem::query_parse(reason))
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
