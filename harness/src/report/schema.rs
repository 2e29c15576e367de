//! The schema of `results.json`, made from the types that write it, so that the two cannot disagree; docs/schema/results.schema.json holds it as a file.

use schemars::{Schema, schema_for};

use super::model::Report;

/// The schema.
pub fn schema() -> Schema {
    schema_for!(Report)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;
    use crate::report::fixture::{large, report};

    #[test]
    fn the_published_file_is_fresh() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema/results.schema.json");
        let fresh = serde_json::to_string_pretty(&schema()).expect("a schema is JSON") + "\n";
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &fresh).expect("it can be written");
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        let refresh = "BLESS=1 cargo test -p lockstep --lib report::schema";
        assert!(published == fresh, "docs/schema/results.schema.json is stale: run `{refresh}` and commit it");
    }

    #[test]
    fn what_is_written_is_what_the_schema_says() {
        let validator =
            jsonschema::validator_for(&serde_json::to_value(schema()).expect("JSON")).expect("a valid schema");
        let wrong = |value: &Value| validator.iter_errors(value).map(|e| e.to_string()).collect::<Vec<_>>();
        let mut value = serde_json::to_value(large("schema")).expect("data");
        assert_eq!(wrong(&value), Vec::<String>::new());
        let nothing = report("schema-none", None, None, None);
        assert_eq!(wrong(&serde_json::to_value(nothing).expect("data")), Vec::<String>::new());
        // And it notices what is not.
        value["bench"]["gates"][0]["verdict"] = json!("perhaps");
        assert_ne!(wrong(&value), Vec::<String>::new());
    }
}
