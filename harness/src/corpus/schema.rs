//! JSON schemas of the files that people write, for editors: names completed, fields explained, mistakes shown while they are typed. They are made
//! from the types that read the files, so the two cannot disagree; `docs/schema/` holds them as files.

use schemars::{Schema, schema_for};

use super::{ir, program};
use crate::bench::gates::CorpusGates;
use crate::subject::Manifest;
use crate::waiver::Waivers;

/// The schema of one kind of file.
pub struct FileSchema {
    /// Its name: that of its file is `NAME.schema.json`.
    pub name: &'static str,
    /// Which files it is for: a pattern, from the corpus on.
    pub files: &'static [&'static str],
    /// What such files hold.
    pub about: &'static str,
    /// The schema.
    pub schema: fn() -> Schema,
}

/// All of them.
pub const SCHEMAS: [FileSchema; 7] = [
    FileSchema {
        name: "ir",
        files: &["ir/*.yaml"],
        about: "functions in the IR's text form, with runs",
        schema: || schema_for!(ir::File),
    },
    FileSchema {
        name: "program",
        files: &["bytecode/*.yaml", "bytecode/dynamic/*.yaml", "bytecode/grid/*.yaml", "bench/*.yaml"],
        about: "bytecode programs with runs, benchmarks among them",
        schema: || schema_for!(program::File),
    },
    FileSchema {
        name: "lua",
        files: &["lua/*.yaml"],
        about: "Lua programs with what they print and how they end",
        schema: || schema_for!(crate::lua::case::File),
    },
    FileSchema {
        name: "gates",
        files: &["gates.yaml"],
        about: "what must hold over all kernels",
        schema: || schema_for!(CorpusGates),
    },
    FileSchema {
        name: "subject",
        files: &["../examples/subjects/luajit/subject.yaml", "../examples/subjects/lockstep/subject.yaml"],
        about: "whole VMs from outside, wherever they are",
        schema: || schema_for!(Manifest),
    },
    FileSchema {
        name: "waivers",
        files: &["waivers.yaml"],
        about: "trials known to fail or to be flaky",
        schema: || schema_for!(Waivers),
    },
    FileSchema {
        name: "results",
        files: &["../reports/results.json"],
        about: "what `lockstep report` writes as data",
        schema: crate::report::schema::schema,
    },
];

impl FileSchema {
    /// The schema as text.
    pub fn text(&self) -> String {
        let json = serde_json::to_string_pretty(&(self.schema)()).expect("a schema is JSON");
        json + "\n"
    }

    /// The name of its file.
    pub fn file_name(&self) -> String {
        format!("{}.schema.json", self.name)
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    fn validator(name: &str) -> jsonschema::Validator {
        let row = SCHEMAS.iter().find(|s| s.name == name).expect("a schema of that name");
        jsonschema::validator_for(&serde_json::to_value((row.schema)()).expect("JSON")).expect("a valid schema")
    }

    /// As JSON; floats that JSON does not have are numbers all the same.
    fn json(yaml: serde_yaml::Value) -> serde_json::Value {
        use serde_yaml::Value;
        match yaml {
            Value::Number(n) if n.as_f64().is_some_and(|x| !x.is_finite()) => 0.5.into(),
            Value::Sequence(items) => items.into_iter().map(json).collect(),
            Value::Mapping(fields) => {
                let key = |key: Value| key.as_str().expect("keys are text").to_owned();
                fields.into_iter().map(|(k, v)| (key(k), json(v))).collect()
            }
            scalar => serde_json::to_value(scalar).expect("a scalar"),
        }
    }

    #[test]
    fn the_published_files_are_fresh() {
        for row in &SCHEMAS {
            let path = root().join("docs/schema").join(row.file_name());
            let published = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(published == row.text(), "{} is stale: `cargo xtask schema --write docs/schema`", path.display());
        }
    }

    #[test]
    fn every_corpus_file_is_valid() {
        let mut seen = 0;
        for row in &SCHEMAS {
            let validator = validator(row.name);
            for pattern in row.files {
                let (directory, file) = pattern.rsplit_once('/').unwrap_or(("", pattern));
                let directory = root().join("corpus").join(directory);
                let files = crate::corpus::files(&directory).expect("a corpus");
                for path in files.iter().filter(|p| file == "*.yaml" || p.ends_with(file)) {
                    let text = std::fs::read_to_string(path).expect("a file");
                    let yaml = json(serde_yaml::from_str(&text).expect("YAML"));
                    if let Err(error) = validator.validate(&yaml) {
                        panic!("{}: {} at {}", path.display(), error, error.instance_path());
                    }
                    seen += 1;
                }
            }
        }
        assert!(seen > 300, "only {seen} files were checked");
    }

    #[test]
    fn mistakes_are_invalid() {
        let invalid = |name: &str, yaml: &str| {
            let value: serde_json::Value = serde_yaml::from_str(yaml).expect("YAML");
            !validator(name).is_valid(&value)
        };
        assert!(!invalid("ir", "{about: x, cases: [{name: a, about: b, unit: c}]}"));
        assert!(invalid("ir", "{about: x, cases: [{name: a, about: b, unit: c, runz: []}]}"));
        assert!(invalid("ir", "{about: x, cases: [{name: a, about: b, unit: c, memory: [text]}]}"));
        assert!(!invalid("program", "{about: x, cases: [{name: a, about: b, program: c, runs: []}]}"));
        assert!(invalid("program", "{about: x, cases: [{name: a, about: b, program: c}]}"));
        assert!(invalid("program", "{about: x, cases: [{name: a, about: b, runs: [{args: 1}]}]}"));
        assert!(invalid("gates", "{about: x, gates: [{name: a, about: b, at_moist: 1}]}"));
    }
}
