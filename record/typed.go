package record

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// plan tells where in a struct each part of a record is. It is made once, by
// SchemaOf, so that encoding does no look-up by name.
type plan struct {
	typ    reflect.Type
	ptr    reflect.Type // *typ
	direct bool         // an interface holds a typ itself, not a pointer to one
	fields []slot       // parallel to Schema.fields
	meta   []metaSlot
	time   *uintptr // offset in the struct; nil for none
	device *uintptr
}

type slot struct {
	offset   uintptr
	kind     reflect.Kind // of the field, or of what it points to
	pointer  bool
	min, max float64 // what a float has to be within: its limits, or else finite
}

type metaSlot struct {
	name   string
	offset uintptr
}

var timeType = reflect.TypeFor[time.Time]()

// SchemaOf reads a schema off the struct T. Each exported field carries a tag
//
//	`rivulet:"name,unit=Cel,min=-40,max=85,required" doc:"one line"`
//
// where all but the name is optional, or `rivulet:"-"` to leave it out. A field
// is a float, an integer, a bool or a string, or a pointer to one, which is
// absent when nil (and an error when required and nil). Three more tags exist:
//
//	`rivulet:",time"`      a time.Time: when the observation was made (zero: Put stamps it)
//	`rivulet:",device"`    a string: whose observation it is ("": the producer's device)
//	`rivulet:"site,meta"`  a string: metadata of the record ("": absent)
//
// The error names every field that is wrong.
func SchemaOf[T any](name string, version int) (*Schema, error) {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("record: SchemaOf needs a struct type, got %s", t)
	}
	var zero T
	p := &plan{typ: t, ptr: reflect.PointerTo(t), direct: dataWord(any(zero)) == nil}
	var fields []Field
	bad := faults{schema: t.String()}
	for i := range t.NumField() {
		sf := t.Field(i)
		tag, tagged := sf.Tag.Lookup("rivulet")
		switch {
		case !sf.IsExported() && !tagged, tag == "-":
			continue
		case !sf.IsExported():
			bad.add(sf.Name, "", "is not exported, so its tag has no effect")
			continue
		case !tagged:
			bad.add(sf.Name, "", "has no rivulet tag; name it, or leave it out with `rivulet:\"-\"`")
			continue
		}
		p.addField(&bad, &fields, sf, tag)
	}
	for i, m := range p.meta {
		checkMeta(&bad, m.name, "")
		for _, o := range p.meta[:i] {
			if o.name == m.name {
				bad.add("meta."+m.name, "", "declared twice")
			}
		}
	}
	if len(p.meta) > MaxMeta {
		bad.add("meta", strconv.Itoa(len(p.meta))+" fields", "above the limit of "+strconv.Itoa(MaxMeta))
	}
	if err := bad.err(); err != nil {
		return nil, err
	}
	s, err := NewSchema(name, version, fields...)
	if err != nil {
		return nil, err
	}
	for i, f := range s.fields {
		st := &p.fields[i]
		st.min, st.max = -math.MaxFloat64, math.MaxFloat64
		if f.Min != nil {
			st.min = *f.Min
		}
		if f.Max != nil {
			st.max = *f.Max
		}
	}
	s.plan = p
	return s, nil
}

func (p *plan) addField(bad *faults, fields *[]Field, sf reflect.StructField, tag string) {
	name, opts, _ := strings.Cut(tag, ",")
	switch {
	case opts == "time" && name == "" && sf.Type == timeType && p.time == nil:
		p.time = &sf.Offset
	case opts == "device" && name == "" && sf.Type.Kind() == reflect.String && p.device == nil:
		p.device = &sf.Offset
	case opts == "meta" && name != "" && sf.Type.Kind() == reflect.String:
		p.meta = append(p.meta, metaSlot{name, sf.Offset})
	case opts == "time" || opts == "device" || opts == "meta":
		bad.add(sf.Name, strconv.Quote(tag), "needs `,time` on one time.Time, `,device` on one string, or `name,meta` on a string")
	default:
		f := Field{Name: name, Doc: sf.Tag.Get("doc")}
		st := slot{offset: sf.Offset, kind: sf.Type.Kind()}
		if st.kind == reflect.Pointer {
			st.pointer, st.kind = true, sf.Type.Elem().Kind()
		}
		switch st.kind {
		case reflect.Float32, reflect.Float64:
			f.Kind = Float
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
			reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
			f.Kind = Int
		case reflect.Bool:
			f.Kind = Bool
		case reflect.String:
			f.Kind = String
		default:
			bad.add(sf.Name, sf.Type.String(), "a reading is a float, an integer, a bool or a string, or a pointer to one")
			return
		}
		parseOptions(bad, sf.Name, opts, &f)
		p.fields = append(p.fields, st)
		*fields = append(*fields, f)
	}
}

func parseOptions(bad *faults, goName, opts string, f *Field) {
	for opt := range strings.SplitSeq(opts, ",") {
		key, val, _ := strings.Cut(opt, "=")
		switch key {
		case "":
		case "required":
			f.Required = true
		case "unit":
			f.Unit = val
		case "min", "max":
			x, err := strconv.ParseFloat(val, 64)
			if err != nil {
				bad.add(goName, strconv.Quote(opt), "the limit is not a number")
				continue
			}
			if key == "min" {
				f.Min = &x
			} else {
				f.Max = &x
			}
		default:
			bad.add(goName, strconv.Quote(opt), "unknown option; there are unit=, min=, max=, required, time, device, meta")
		}
	}
}
