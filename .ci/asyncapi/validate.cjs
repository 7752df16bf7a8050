// Reads AsyncAPI documents with AsyncAPI's own parser, and the Avro schemas in them with
// its parser for these. It fails where a diagnostic is an error.
//
//     NODE_PATH=…/node_modules node validate.cjs FILE…

const { readFileSync } = require("node:fs");
const { Parser } = require("@asyncapi/parser");
const { AvroSchemaParser } = require("@asyncapi/avro-schema-parser");

const severities = ["error", "warning", "information", "hint"];

async function main(files) {
  const parser = new Parser({ schemaParsers: [AvroSchemaParser()] });
  let errors = 0;
  for (const file of files) {
    const { document, diagnostics } = await parser.parse(readFileSync(file, "utf8"), { source: file });
    for (const d of diagnostics) {
      console.log(`${file}:${d.range.start.line + 1}: ${severities[d.severity]}: ${d.path.join(".")}: ${d.message}`);
    }
    errors += diagnostics.filter((d) => d.severity === 0).length;
    if (document) {
      const channels = document.channels().all();
      const messages = channels.flatMap((c) => c.messages().all());
      const avro = messages.filter((m) => m.hasPayload() && (m.schemaFormat() || "").includes("avro"));
      console.log(`${file}: AsyncAPI ${document.version()}, ${channels.length} topics, ${messages.length} messages, ${avro.length} in Avro`);
    }
  }
  return errors;
}

main(process.argv.slice(2)).then((errors) => process.exit(errors > 0 ? 1 : 0));
