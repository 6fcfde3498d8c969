// Package stack renders the resources of the backend as a CloudFormation template,
// and has the policies that go with them.
//
// Start with [CloudFormation]. The template is in files of its own, *.yaml.tmpl; the
// policies, which Terraform needs too, are data: [Policies].
package stack
