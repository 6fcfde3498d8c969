package model

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/goccy/go-yaml"
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
	var o Options
	dec := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict())
	switch err := dec.Decode(&o); {
	case errors.Is(err, io.EOF):
		return Options{}, errors.New("options: the file is empty")
	case err != nil:
		return Options{}, fmt.Errorf("options: %s", yaml.FormatError(err, false, true))
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return Options{}, errors.New("options: there is a second document, after \"---\"; one is all there may be")
	}
	return o, nil
}
