//! The schema of `results.json`, made from the types that write it, so that the two cannot disagree. It is published with the others ([`crate::corpus::schema`]).

use schemars::{Schema, schema_for};

use super::model::Report;

/// The schema.
pub fn schema() -> Schema {
    schema_for!(Report)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::report::fixture::{large, report};

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
