// Simulates requests to AWS.
//
//   node iam.mjs < requests.json     a list of {principal, action, resource, context, identity, resourcePolicy};
//                                    prints a list of "Allowed", "ImplicitlyDenied" or "ExplicitlyDenied"
//
// STACK_TOOLS is the folder that scripts/stack-setup.sh made.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(process.env.STACK_TOOLS + "/node/");
const { runSimulation, runUnsafeSimulation } = require("@cloud-copilot/iam-simulate");

async function simulate(request) {
  const { principal, action, resource, account, context, identity, resourcePolicy } = request;
  const simulation = {
    request: { principal, action, resource: { resource, accountId: account }, contextVariables: context },
    identityPolicies: identity ? [{ name: "policy", policy: identity }] : [],
    resourcePolicy: resourcePolicy ?? undefined,
    serviceControlPolicies: [],
    resourceControlPolicies: [],
  };
  // An action of AWS IoT, not of IAM: the simulator's list of actions does not have it.
  if (action === "iot:AssumeRoleWithCertificate") return runUnsafeSimulation(simulation, {});
  const answer = await runSimulation(simulation, {});
  if (answer.resultType === "error") throw new Error(JSON.stringify({ action, resource, errors: answer.errors }));
  const ignored = answer.result?.ignoredContextKeys ?? [];
  if (ignored.length > 0) throw new Error(`${action}: has no context ${ignored}`);
  return answer.overallResult;
}

const answers = [];
for (const request of JSON.parse(readFileSync(0, "utf8"))) answers.push(await simulate(request));
console.log(JSON.stringify(answers));
