package model

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/rivulet-iot/rivulet/record"
)

// merge sorts the versions of the schema, checks that each only adds to the one
// before, and makes the table's columns.
func (m *Model) merge(bad *Error) {
	if len(m.Versions) == 0 {
		bad.add("schemas", "", "names no schema document; give at least one")
		return
	}
	slices.SortStableFunc(m.Versions, func(a, b *record.Schema) int { return cmp.Compare(a.Version(), b.Version()) })
	for i, s := range m.Versions[1:] {
		was := m.Versions[i]
		switch {
		case s.Name() != was.Name():
			bad.add("schemas", "", fmt.Sprintf("%s and %s are two schemas; a table is for the versions of one", was.Ref(), s.Ref()))
			return
		case s.Version() == was.Version():
			bad.add("schemas", "", s.Ref()+" is given twice")
		default:
			for _, problem := range changes(was, s) {
				bad.add("schemas", "", problem)
			}
		}
	}
	m.Columns = append(m.Columns, before...)
	fields := map[string]record.Field{}
	units := maps.Clone(m.Records.Units)
	for _, s := range m.Versions {
		for _, f := range s.Fields() {
			if _, there := fields[f.Name]; there {
				continue
			}
			fields[f.Name] = f
			c := column(m.latest(f.Name, f))
			if to, ok := units[f.Name]; ok {
				delete(units, f.Name)
				if problem := convert(&c, f.Kind, to); problem != "" {
					bad.add("records.units."+f.Name, strconv.Quote(to), problem)
				}
			}
			m.Columns = append(m.Columns, c.withUnit())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(units)) {
		bad.add("records.units."+name, strconv.Quote(units[name]), "there is no field "+name+" in "+m.Newest().Ref())
	}
	m.Columns = append(m.Columns, extra)
	m.addRegistry(bad)
	m.Columns = append(m.Columns, sequence)
}

// latest returns the newest version's field of a name: its doc is the table's.
func (m *Model) latest(name string, field record.Field) record.Field {
	for _, f := range m.Newest().Fields() {
		if f.Name == name {
			return f
		}
	}
	return field
}

func (m *Model) addRegistry(bad *Error) {
	taken := map[string]bool{"year": true, "month": true, "day": true, "batch": true, sequence.Name: true}
	for _, c := range m.Columns {
		taken[c.Name] = true
	}
	for i, name := range m.Registry.Columns {
		field := "registry.columns[" + strconv.Itoa(i) + "]"
		switch {
		case !columnName.MatchString(name):
			bad.add(field, strconv.Quote(name), "is a-z, 0-9 and _, does not begin with a digit, and has at most 64 characters")
		case name == "device_id":
			bad.add(field, strconv.Quote(name), "is the column by which devices are found; leave it out, it is always there")
		case taken[name]:
			bad.add(field, strconv.Quote(name), "the table has a column of this name already; choose another, in the file too")
		}
		taken[name] = true
		m.Columns = append(m.Columns, Column{Name: name, Type: "string", Doc: "from the registry of devices, when the record was stored"})
	}
}

// changes says what a newer version of a schema may not change, one problem a line
// for people: fields may be added, limits and docs may change, nothing else.
func changes(was, is *record.Schema) (problems []string) {
	fields := map[string]record.Field{}
	for _, f := range is.Fields() {
		fields[f.Name] = f
	}
	for _, old := range was.Fields() {
		f, there := fields[old.Name]
		switch {
		case !there:
			problems = append(problems, fmt.Sprintf("%s of %s is missing in %s: its column would be empty from then on, unnoticed; keep the field, not required",
				old.Name, was.Ref(), is.Ref()))
		case f.Kind != old.Kind:
			problems = append(problems, fmt.Sprintf("%s is %s in %s and %s in %s: a column has one type for ever; give the new one another name",
				old.Name, old.Kind, was.Ref(), f.Kind, is.Ref()))
		case f.Unit != old.Unit:
			problems = append(problems, fmt.Sprintf("%s is in %q in %s and in %q in %s: a column has one unit for ever; give the new one another name",
				old.Name, old.Unit, was.Ref(), f.Unit, is.Ref()))
		}
	}
	return problems
}
