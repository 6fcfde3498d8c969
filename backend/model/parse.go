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
	var floats floatFinder
	ast.Walk(&floats, file.Docs[0].Body)
	if floats.err != nil {
		return Options{}, floats.err
	}
	if err := yaml.NodeToValue(file.Docs[0].Body, &o, yaml.Strict()); err != nil {
		return Options{}, pretty(err)
	}
	return o, nil
}

// pretty shows the line of the file.
func pretty(err error) error { return fmt.Errorf("options: %s", yaml.FormatError(err, false, true)) }

// floatFinder finds a number that is not whole, which the decoder would cut down to
// one. No option is of that kind but a version without its quotes.
type floatFinder struct{ err error }

// Visit implements ast.Visitor.
func (f *floatFinder) Visit(node ast.Node) ast.Visitor {
	switch node := node.(type) {
	case *ast.MappingValueNode:
		if node.Key.String() == "glue_version" {
			return nil
		}
	case *ast.FloatNode:
		at := node.GetToken().Position
		f.err = fmt.Errorf("options: [%d:%d] %s is not a whole number", at.Line, at.Column, node.GetToken().Value)
	}
	return f
}
