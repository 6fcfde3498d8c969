package producer

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/rivulet-iot/rivulet/record"
)

// kinds are the schemas that a producer takes.
type kinds []*record.Schema

// schemas returns Schema and Schemas as one list.
func (c *Config) schemas() kinds {
	var all kinds
	if c.Schema != nil {
		all = append(all, c.Schema)
	}
	return append(all, c.Schemas...)
}

// of returns the schema of a struct's type.
func (k kinds) of(v any) (*record.Schema, error) {
	for _, s := range k {
		if s.Takes(v) {
			return s, nil
		}
	}
	return k.none(reflect.TypeOf(v))
}

// none is for a struct of no schema. It gets the type, as an error that holds the struct
// would move each one that is put to the heap.
func (k kinds) none(t reflect.Type) (*record.Schema, error) {
	switch len(k) {
	case 0:
		return nil, errors.New("producer: Put needs Config.Schema; use PutRecord for records without one")
	case 1:
		return k[0], nil // which says best what it takes
	}
	refs := make([]string, len(k))
	for i, s := range k {
		refs[i] = s.Ref()
	}
	return nil, fmt.Errorf("producer: no schema of Config.Schemas was made of %v; there are %s", t, strings.Join(refs, ", "))
}

// named returns the schema that a dynamic record has to satisfy, nil if it is free-form.
func (k kinds) named(ref string) *record.Schema {
	if len(k) == 1 && ref == "" {
		return k[0]
	}
	for _, s := range k {
		if s.Ref() == ref {
			return s
		}
	}
	return nil
}

// check calls bad for each schema that cannot be told from another.
func (k kinds) check(bad func(format string, args ...any)) {
	for i, s := range k {
		if s == nil {
			bad("Config.Schemas: one is nil")
			continue
		}
		for _, o := range k[:i] {
			switch {
			case o == nil:
			case o.Ref() == s.Ref():
				bad("Config.Schemas: there are two with the reference %q", s.Ref())
			case o.SameType(s):
				bad("Config.Schemas: %s and %s are made of one type, so Put cannot tell which it is", o.Ref(), s.Ref())
			}
		}
	}
}
