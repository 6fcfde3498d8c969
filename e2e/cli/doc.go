// Package cli runs the commands that the generated backend's README, and the script for a
// real account, are made of: with the real AWS command line, but without AWS. fake_aws.py
// stands in for it, and checks every option and every parameter.
package cli
