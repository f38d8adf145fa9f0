//! Holds a value against a JSON schema, in the words that the document uses.

use serde_json::{Map, Value};

/// # Panics
/// Where the value is not what the schema says.
#[track_caller]
pub(crate) fn check(schema: &Value, value: &Value) {
    if let Err(wrong) = fits(schema, value, "answer") {
        panic!("{wrong}\nin {value}");
    }
}

fn fits(schema: &Value, value: &Value, place: &str) -> Result<(), String> {
    if schema.as_object().is_some_and(Map::is_empty) {
        return Ok(());
    }
    if let Some(either) = schema["anyOf"].as_array() {
        return if either.iter().any(|one| fits(one, value, place).is_ok()) {
            Ok(())
        } else {
            Err(format!("{place} is {value}, not one of {either:?}"))
        };
    }
    let right = match schema["type"].as_str() {
        Some("string") => value.is_string(),
        Some("number") => value.is_number(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        other => return Err(format!("{place}: the schema says {other:?}")),
    };
    if !right {
        return Err(format!("{place} is {value}, not of {schema}"));
    }
    if let Some(texts) = schema["enum"].as_array()
        && !texts.contains(value)
    {
        return Err(format!("{place} is {value}, not one of {texts:?}"));
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        fits(&schema["items"], item, &format!("{place}[{index}]"))?;
    }
    let Some(fields) = value.as_object() else {
        return Ok(());
    };
    for name in schema["required"].as_array().into_iter().flatten() {
        if !fields.contains_key(name.as_str().unwrap()) {
            return Err(format!("{place} has no {name}"));
        }
    }
    for (name, field) in fields {
        let place = format!("{place}.{name}");
        match (&schema["properties"][name], &schema["additionalProperties"]) {
            (Value::Null, Value::Bool(true)) => {}
            (Value::Null, more @ Value::Object(_)) => fits(more, field, &place)?,
            (Value::Null, _) => return Err(format!("{place} is in no schema")),
            (known, _) => fits(known, field, &place)?,
        }
    }
    Ok(())
}
