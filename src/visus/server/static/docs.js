"use strict";
// What can be asked, from the server's own description.
const made = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });

function kind(schema) {
  if (schema.anyOf) return schema.anyOf.map(kind).filter((own) => own !== "null").join(" or ");
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.contentMediaType || schema.format === "binary") return "file";
  return schema.type || "";
}

function row(name, schema, needed) {
  const entry = made("li", `${name}: ${kind(schema)}${needed ? "" : ", optional"}${schema.default !== undefined && schema.default !== null ? `, default ${schema.default}` : ""}`);
  if (schema.description) entry.append(made("div", schema.description));
  return entry;
}

async function main() {
  const api = await (await fetch("/openapi.json")).json();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, about] of Object.entries(methods)) {
      const fields = made("ul", "");
      for (const own of about.parameters || []) fields.append(row(own.name, own.schema, own.required));
      const content = Object.values(about.requestBody?.content || {})[0];
      const form = content && (content.schema.$ref ? api.components.schemas[content.schema.$ref.split("/").pop()] : content.schema);
      for (const [name, schema] of Object.entries(form?.properties || {})) fields.append(row(name, schema, (form.required || []).includes(name)));
      document.getElementById("paths").append(made("h2", `${method.toUpperCase()} ${path}`), made("p", about.summary), fields);
    }
  }
}

main();
