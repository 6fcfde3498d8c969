package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rivulet-iot/rivulet/internal/term"
)

var backendCommand = command{
	name:    "backend",
	summary: "generate what a stream needs behind it: job, tables, infrastructure",
	usage:   "init|render|try [flags]",
	args:    1,
	text: `
Backend writes the cloud's side of a stream, from the schema of its records and one
options file: the AWS Glue job that stores them as a table, CloudFormation, Terraform,
policies and queries, with a README that says how to deploy them. It needs no account
and no network.

  init    writes an options file, with every option explained, and an example of a
          schema; -schema names yours instead. It overwrites nothing
  render  writes the backend to a directory. One that has an earlier rendering is
          brought up to date: files that are no longer part of it are removed
  try     runs the job over sample records, -input, on Spark on this machine, and shows
          what it stored, and which records became dead letters and why

Render refuses what would harm a table that exists: a column that is missing or has
another type or unit, another project, stream, bucket, sink or schema, a version with other
fields than it was rendered with. It also refuses directories with other files in
them, and files of an earlier rendering that were edited since; SHA256SUMS tells.
Registry/devices.csv, which is yours to fill in, it keeps as it is then; what else is
there, such as Terraform's state, it leaves alone.

Try takes record JSON lines, as devices send them, one a line, gzipped or not; every
line is one record of the stream, which arrives now. It needs Java 17 or later and a
Python with pyspark: the one that -python names, or else RIVULET_PYTHON, or else
.tools/spark41/bin/python here, or else python3; it says how to install what is missing.
Dead letters are no failure: the exit code is 0.

Examples:

  rivulet backend init
  rivulet backend init -schema machine.schema.json -options deploy/backend.yaml
  rivulet backend render -out out
  rivulet backend render -options deploy/backend.yaml -out out -json | jq '.files[].path'
  rivulet backend try -input day.ndjson.gz
  rivulet backend try -input day.ndjson -keep /tmp/day -json | jq .reasons`,
	setup: func(f *flag.FlagSet) func(context.Context, streams) error {
		c := &backendTool{flags: f}
		f.StringVar(&c.options, "options", "rivulet-backend.yaml", "the options `file`, YAML or JSON")
		f.StringVar(&c.schema, "schema", "", "init: the schema document that the options name; default: an example is written")
		f.StringVar(&c.dir, "out", "", "render: the `directory` to write to; it may exist")
		f.BoolVar(&c.json, "json", false, "render: print one JSON object that lists the files; try: one with what was found")
		f.StringVar(&c.input, "input", "", "try: the `file` with sample records, plain or gzip; - is stdin")
		f.StringVar(&c.python, "python", "", "try: the Python, with pyspark, to run the job with")
		f.StringVar(&c.keep, "keep", "", "try: a new `directory` for the script and what it stores; default: a temporary one")
		return c.run
	},
}

// backendVerb is one thing that the command does.
type backendVerb struct {
	name  string
	flags []string // that it takes
	run   func(*backendTool) error
}

var backendVerbs = []backendVerb{
	{"init", []string{"options", "schema"}, (*backendTool).init},
	{"render", []string{"options", "out", "json"}, (*backendTool).render},
	{"try", []string{"options", "input", "python", "keep", "json"}, (*backendTool).try},
}

// backendTool is one run of the command.
type backendTool struct {
	options, schema, dir string
	input, python, keep  string // of try
	json                 bool

	flags *flag.FlagSet
	in    io.Reader
	out   io.Writer
	err   io.Writer
	ctx   context.Context
}

func (c *backendTool) run(ctx context.Context, s streams) error {
	var names []string
	for _, v := range backendVerbs {
		names = append(names, v.name)
	}
	list := strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
	if len(s.args) == 0 {
		return usagef("what to do? Give %s", list)
	}
	at := slices.Index(names, s.args[0])
	if at < 0 {
		return usagef("%q is not %s", s.args[0], list)
	}
	verb := backendVerbs[at]
	var stray error
	c.flags.Visit(func(f *flag.Flag) {
		if !slices.Contains(verb.flags, f.Name) {
			stray = usagef("%s has no flag -%s; its flags are -%s", verb.name, f.Name, strings.Join(verb.flags, ", -"))
		}
	})
	if stray != nil {
		return stray
	}
	c.in, c.out, c.err, c.ctx = s.in, s.out, s.err, ctx
	if err := ctx.Err(); err != nil {
		return err
	}
	return verb.run(c)
}

// print writes to stdout.
func (c *backendTool) print(format string, args ...any) error {
	if _, err := fmt.Fprintf(c.out, format, args...); err != nil {
		return outputError{err}
	}
	return nil
}

// object prints v as JSON, which may hold what devices said: no terminal obeys it.
func (c *backendTool) object(v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return c.print("%s\n", term.EscapeJSON(nil, b))
}
