//! What is compared: named series of processes, or exact counts. Knows no file format and no statistics.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::stats::median;

/// What a series is about. Series of two runs with the same key are compared with each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// The quantity: `time`, `code_bytes`, …
    pub measure: String,
    /// On what: a kernel and its size, the corpus, a name from outside.
    pub on: String,
    /// Whose: an implementation; empty where only one is in question.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub of: String,
}

impl Key {
    /// A key.
    pub fn new(measure: &str, on: impl Into<String>, of: impl Into<String>) -> Self {
        Self { measure: measure.to_owned(), on: on.into(), of: of.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [&self.measure, &self.on, &self.of];
        let parts: Vec<&str> = parts.iter().filter(|p| !p.is_empty()).map(|p| p.as_str()).collect();
        f.write_str(&parts.join(" "))
    }
}

/// Which direction is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// Less is better: times, bytes, exits.
    Lower,
    /// More is better: throughput, coverage.
    Higher,
    /// A change is worth knowing and no more: compiled units.
    Neither,
}

/// A series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// What it is about.
    #[serde(flatten)]
    pub key: Key,
    /// Which direction is good.
    pub better: Better,
    /// What was measured.
    #[serde(flatten)]
    pub data: Data,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Data {
    /// A quantity that varies: positive values of the iterations of each process, by process (or round: processes of the same
    /// number were measured side by side).
    Noisy(#[serde(with = "pairs")] BTreeMap<usize, Vec<f64>>),
    /// A quantity that must not vary: the distinct values seen, in order.
    Exact(Vec<f64>),
    /// Nothing that counts, and why.
    Void(String),
}

/// Processes as JSON: pairs of number and values. Keys of a JSON object are texts, and a flattened field does not turn them back into numbers.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(map: &BTreeMap<usize, Vec<f64>>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(map)
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<BTreeMap<usize, Vec<f64>>, D::Error> {
        Vec::<(usize, Vec<f64>)>::deserialize(from).map(|pairs| pairs.into_iter().collect())
    }
}

impl Series {
    /// A quantity that varies.
    pub fn noisy(key: Key, better: Better, processes: BTreeMap<usize, Vec<f64>>) -> Self {
        Self { key, better, data: Data::Noisy(processes) }
    }

    /// A quantity that must not vary, as each process saw it.
    pub fn exact(key: Key, better: Better, values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        Self { key, better, data: Data::Exact(values) }
    }

    /// The one number of each process: the median of its iterations. The iterations of a process are not independent of each other, so
    /// nothing else of them is used.
    pub fn processes(&self) -> BTreeMap<usize, f64> {
        match &self.data {
            Data::Noisy(processes) => {
                processes.iter().filter_map(|(&round, values)| Some((round, median(values)?))).collect()
            }
            Data::Exact(_) | Data::Void(_) => BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_one_number() {
        let key = Key::new("time", "fib", "");
        let series = Series::noisy(key, Better::Lower, [(3, vec![5.0, 1.0, 9.0]), (4, vec![])].into());
        assert_eq!(series.processes(), [(3, 5.0)].into());
    }

    #[test]
    fn an_exact_quantity_has_its_distinct_values() {
        let series = Series::exact(Key::new("code_bytes", "fib", "a/none"), Better::Lower, [7.0, 7.0, 7.0]);
        assert_eq!(series.data, Data::Exact(vec![7.0]));
        assert_eq!(series.key.to_string(), "code_bytes fib a/none");
        let noisy = Series::noisy(series.key.clone(), Better::Lower, [(3, vec![5.0, 1.0])].into());
        for series in [series, noisy] {
            let text = serde_json::to_string(&series).expect("it is data");
            assert_eq!(serde_json::from_str::<Series>(&text).expect("the same"), series);
        }
    }
}
