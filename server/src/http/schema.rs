//! Small words for the JSON schemas of answers, and their outline for people.

use serde_json::{Map, Value, json};

pub(super) fn string() -> Value {
    json!({ "type": "string" })
}

pub(super) fn number() -> Value {
    json!({ "type": "number" })
}

pub(super) fn integer() -> Value {
    json!({ "type": "integer" })
}

pub(super) fn boolean() -> Value {
    json!({ "type": "boolean" })
}

/// One of these texts.
pub(super) fn one_of(texts: &[&str]) -> Value {
    json!({ "type": "string", "enum": texts })
}

/// The same, or `null`.
pub(super) fn nullable(schema: Value) -> Value {
    json!({ "anyOf": [schema, { "type": "null" }] })
}

pub(super) fn list(items: Value) -> Value {
    json!({ "type": "array", "items": items })
}

/// An object with any names.
pub(super) fn map(values: Value) -> Value {
    json!({ "type": "object", "additionalProperties": values })
}

/// An object with these names and no others; a name that ends in `?` may be absent.
pub(super) fn object(fields: &[(&str, Value)]) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, schema) in fields {
        if let Some(optional) = name.strip_suffix('?') {
            properties.insert(optional.to_owned(), schema.clone());
        } else {
            properties.insert((*name).to_owned(), schema.clone());
            required.push(*name);
        }
    }
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// A schema as people read it: `{status: string, rules: {…} | null}`, indented.
pub(super) fn outline(schema: &Value) -> String {
    let mut out = String::new();
    write_outline(schema, 0, &mut out);
    out
}

fn write_outline(schema: &Value, depth: usize, out: &mut String) {
    if let Some(either) = schema["anyOf"].as_array() {
        for (index, one) in either.iter().enumerate() {
            if index > 0 {
                out.push_str(" | ");
            }
            write_outline(one, depth, out);
        }
        return;
    }
    if let Some(texts) = schema["enum"].as_array() {
        let texts: Vec<String> = texts.iter().map(ToString::to_string).collect();
        out.push_str(&texts.join(" | "));
        return;
    }
    match schema["type"].as_str() {
        Some("array") => {
            out.push('[');
            write_outline(&schema["items"], depth, out);
            out.push_str(", …]");
        }
        Some("object") => {
            let indent = "  ".repeat(depth + 1);
            out.push_str("{\n");
            let required = schema["required"].as_array();
            for (name, field) in schema["properties"].as_object().into_iter().flatten() {
                let always = required.is_some_and(|names| names.iter().any(|one| one == name));
                let mark = if always { "" } else { "?" };
                out.push_str(&format!("{indent}{name}{mark}: "));
                write_outline(field, depth + 1, out);
                out.push('\n');
            }
            if schema["additionalProperties"].is_object() {
                out.push_str(&format!("{indent}<name>: "));
                write_outline(&schema["additionalProperties"], depth + 1, out);
                out.push('\n');
            }
            out.push_str(&"  ".repeat(depth));
            out.push('}');
        }
        Some(other) => out.push_str(other),
        None => out.push_str("anything"),
    }
}

#[cfg(test)]
mod tests {
    use super::{list, map, nullable, number, object, outline, string};

    #[test]
    fn outlines_read_as_types() {
        let schema = object(&[
            ("name", string()),
            ("tags?", list(string())),
            ("levels", nullable(map(number()))),
        ]);
        assert_eq!(
            outline(&schema),
            "{\n  levels: {\n    <name>: number\n  } | null\n  name: string\n  tags?: [string, …]\n}"
        );
        assert_eq!(schema["required"], serde_json::json!(["name", "levels"]));
    }
}
