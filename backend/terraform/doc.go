// Package terraform renders the resources of the backend as Terraform, for
// Terraform 1.5 or later and for OpenTofu.
//
// Start with [Files]. It is the same stack as that of package stack, with the same names, the
// same values and the same policies; a resource that is StreamKey in CloudFormation
// is called stream_key here. What each file has is in a template of its own,
// *.tf.tmpl.
package terraform
