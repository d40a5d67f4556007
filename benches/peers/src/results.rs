//! What all rounds measured.

use std::collections::BTreeMap;

use crate::child::Measured;

/// Values by row, contestant and metric, one of each round.
#[derive(Default)]
pub struct Results(BTreeMap<(String, String, String), Vec<f64>>);

impl Results {
    pub fn add(&mut self, contestant: &str, measured: Measured) {
        for (row, metric, value) in measured {
            self.0.entry((row, contestant.to_owned(), metric)).or_default().push(value);
        }
    }

    /// All rounds' values, from the least to the largest.
    fn sorted(&self, row: &str, contestant: &str, metric: &str) -> Option<Vec<f64>> {
        let key = (row.to_owned(), contestant.to_owned(), metric.to_owned());
        let mut values = self.0.get(&key)?.clone();
        values.sort_by(f64::total_cmp);
        Some(values)
    }

    pub fn median(&self, row: &str, contestant: &str, metric: &str) -> Option<f64> {
        let values = self.sorted(row, contestant, metric)?;
        let middle = values.len() / 2;
        if values.len().is_multiple_of(2) {
            Some((values.get(middle - 1)? + values.get(middle)?) / 2.0)
        } else {
            values.get(middle).copied()
        }
    }

    /// The least and the largest, and how many there are.
    pub fn spread(&self, row: &str, contestant: &str, metric: &str) -> Option<(f64, f64, usize)> {
        let values = self.sorted(row, contestant, metric)?;
        Some((*values.first()?, *values.last()?, values.len()))
    }

    /// Who was measured in a row.
    pub fn contestants(&self, row: &str, metric: &str) -> Vec<&str> {
        let keys = self.0.keys().filter(|key| key.0 == row && key.2 == metric);
        keys.map(|key| key.1.as_str()).collect()
    }
}
