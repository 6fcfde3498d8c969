// Package athena writes the SQL of the query side: the table, views on it, and
// how small files become large ones.
//
// [Files] is what package backend renders. [Projection] and [PartitionKeys] are
// the same table as data, for the CloudFormation and Terraform that create it.
//
// Athena's DDL quotes names with backquotes, its queries with double quotes
// (https://docs.aws.amazon.com/athena/latest/ug/reserved-words.html), and takes
// one statement a call. No comment or string here has a semicolon, so a file can
// be cut into its statements at each one.
package athena
