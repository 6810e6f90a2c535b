//! A value against a JSON Schema.

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

/// A compiled schema.
pub struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    /// Compiles a schema.
    ///
    /// # Panics
    /// Where it is no schema.
    #[must_use]
    pub fn of(schema: Value) -> Self {
        /// What it is called while it is compiled; nothing is fetched from there.
        const NAME: &str = "https://example.com/schema.json";
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource(NAME, schema).unwrap_or_else(|error| panic!("the schema: {error}"));
        let index = compiler.compile(NAME, &mut schemas).unwrap_or_else(|error| panic!("the schema: {error}"));
        Self { schemas, index }
    }

    /// What of the value does not fit; none where all does.
    #[must_use]
    pub fn mismatch(&self, value: &Value) -> Option<String> {
        self.schemas.validate(value, self.index).err().map(|error| format!("{error:#}"))
    }
}
