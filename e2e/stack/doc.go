// Package stack has no code, only tests of the generated CloudFormation with the
// tools that others check templates with. scripts/stack.sh runs them.
package stack
