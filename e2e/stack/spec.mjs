// Holds templates to the published resource specification of CloudFormation: every
// property, however deep, must exist and be of its type, what is required must be
// there, and what !GetAtt asks for must be an attribute.
//
//   node spec.mjs < templates.json      a list of templates; prints a list of lists of complaints
//
// STACK_TOOLS is the folder that scripts/stack-setup.sh made.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(process.env.STACK_TOOLS + "/node/");
const { loadAwsServiceSpec } = require("@aws-cdk/aws-service-spec");
const db = await loadAwsServiceSpec();

const isObject = (v) => v !== null && typeof v === "object" && !Array.isArray(v);

// Fn::If is looked into; what any other function gives is only known later.
const isFunction = (v) => isObject(v) && Object.keys(v).length === 1 && /^(Ref|Fn::.*)$/.test(Object.keys(v)[0]);

function resourceType(type) {
  return db.lookup("resource", "cloudFormationType", "equals", type)[0];
}

function check(template) {
  const complaints = [];

  function properties(path, value, spec) {
    if (!isObject(value)) {
      complaints.push(`${path}: is no object`);
      return;
    }
    for (const [name, v] of Object.entries(value)) {
      if (!spec[name]) {
        complaints.push(`${path}: there is no property ${name}`);
      } else {
        typed(`${path}.${name}`, v, spec[name].type);
      }
    }
    for (const [name, property] of Object.entries(spec)) {
      if (property.required && value[name] === undefined) complaints.push(`${path}: ${name} is missing`);
    }
  }

  function typed(path, value, type) {
    if (isFunction(value)) {
      if (value["Fn::If"]) value["Fn::If"].slice(1).forEach((v) => typed(path, v, type));
      return;
    }
    const want = (ok) => ok || complaints.push(`${path}: ${JSON.stringify(value)} is no ${type.type}`);
    switch (type.type) {
      case "string":
      case "date-time":
        return want(typeof value === "string");
      case "integer":
        return want(Number.isInteger(value));
      case "number":
        return want(typeof value === "number");
      case "boolean":
        return want(typeof value === "boolean");
      case "json":
        return want(isObject(value));
      case "tag":
        return want(isObject(value) && Object.keys(value).sort().join() === "Key,Value");
      case "array":
        want(Array.isArray(value));
        return Array.isArray(value) && value.forEach((v, i) => typed(`${path}[${i}]`, v, type.element));
      case "map":
        want(isObject(value));
        return isObject(value) && Object.entries(value).forEach(([k, v]) => typed(`${path}.${k}`, v, type.element));
      case "ref":
        return properties(path, value, db.get("typeDefinition", type.reference.$ref).properties);
      case "union": {
        const before = complaints.length;
        const tries = type.types.map((t) => {
          typed(path, value, t);
          return complaints.splice(before);
        });
        if (tries.every((found) => found.length > 0)) complaints.push(...tries[0]);
        return;
      }
      default:
        complaints.push(`${path}: a type ${type.type} that is not known here`);
    }
  }

  function attributes(value) {
    if (Array.isArray(value)) value.forEach(attributes);
    if (!isObject(value)) return;
    if (Array.isArray(value["Fn::GetAtt"])) {
      const [of, name] = value["Fn::GetAtt"];
      const resource = template.Resources[of];
      const spec = resource && resourceType(resource.Type);
      if (spec && !spec.attributes[name]) complaints.push(`${of}: there is no attribute ${name}`);
    }
    Object.values(value).forEach(attributes);
  }

  for (const [name, resource] of Object.entries(template.Resources)) {
    const spec = resourceType(resource.Type);
    if (spec) properties(name, resource.Properties ?? {}, spec.properties);
    else complaints.push(`${name}: there is no type ${resource.Type}`);
  }
  attributes(template);
  return complaints;
}

console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(check)));
