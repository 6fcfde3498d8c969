// Package python holds the Python of the backend, and bundles it: the Glue job and the
// Lambda function are each one file, made of whole modules of this folder, which are
// linted and tested as they are, with the model put in as data.
//
// Use [Script] for the job and [Lambda] for the function.
package python
