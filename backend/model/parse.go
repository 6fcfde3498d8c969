package model

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxOptionsBytes caps the file that Parse reads.
const maxOptionsBytes = 1 << 20

// Parse reads an options file of at most 1 MiB. A member that Options does not have
// is an error, so that a misspelt option is not silently the default; the error shows
// line and column. What the values mean is checked by [New], and defaults are not
// filled in before that.
func Parse(data []byte) (Options, error) {
	if len(data) > maxOptionsBytes {
		return Options{}, fmt.Errorf("options: the file has %d bytes, the limit is %d", len(data), maxOptionsBytes)
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return Options{}, pretty(err)
	}
	if len(file.Docs) > 1 {
		return Options{}, errors.New("options: there is a second document, after \"---\"; one is all there may be")
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return Options{}, errors.New("options: the file is empty")
	}
	var o Options
	var c checker
	ast.Walk(&c, file.Docs[0].Body)
	if c.err != nil {
		return Options{}, c.err
	}
	if err := yaml.NodeToValue(file.Docs[0].Body, &o, yaml.Strict()); err != nil {
		return Options{}, pretty(err)
	}
	return o, nil
}

// pretty shows the line of the file.
func pretty(err error) error { return fmt.Errorf("options: %s", yaml.FormatError(err, false, true)) }

// checker finds what the decoder would take and an options file does not have: numbers
// that are not whole, which it would cut down, and tags, anchors and aliases.
type checker struct{ err error }

// Visit implements ast.Visitor.
func (c *checker) Visit(node ast.Node) ast.Visitor {
	problem := ""
	switch node := node.(type) {
	case *ast.MappingValueNode:
		if node.Key.String() == "glue_version" {
			return nil // 6.0 without its quotes
		}
	case *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		problem = "is not a whole number"
	case *ast.TagNode, *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		problem = "is YAML that an options file does not take (tags, anchors, aliases)"
	}
	if problem != "" && c.err == nil {
		at := node.GetToken()
		c.err = fmt.Errorf("options: [%d:%d] %s %s", at.Position.Line, at.Position.Column, at.Value, problem)
	}
	return c
}
