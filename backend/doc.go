// Package backend generates what a stream needs behind it in the cloud, from the
// schema of its records and one options file: the job that stores them as a table, the
// infrastructure as CloudFormation and as Terraform, policies, queries, and the words
// that say how to use it all. The command "rivulet backend" is made of it.
//
// Start with [Load], which reads an options file, and [Render]. [Init] is an options
// file to begin with. Rendering is deterministic: the same model gives the same bytes.
package backend
