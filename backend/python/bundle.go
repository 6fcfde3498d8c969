package python

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// bundle makes one file of the main module and those that it imports, directly or
// not, each after the ones it needs, with the model in the main module's MODEL.
func bundle(files fs.FS, main string, model []byte) ([]byte, error) {
	b := bundler{files: files, done: map[string]*module{}}
	if err := b.add(main, nil); err != nil {
		return nil, err
	}
	top := b.done[main]
	if top.doc == "" {
		return nil, fmt.Errorf("bundle: %s.py has no docstring to begin with", main)
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	var body bytes.Buffer
	for _, m := range b.order {
		lines := m.library()
		if m == top {
			var err error
			if lines, err = withModel(m, model); err != nil {
				return nil, err
			}
		}
		if body.Len() > 0 {
			body.WriteString("\n")
		}
		text, gap := strings.Trim(strings.Join(lines, "\n"), "\n"), "\n"
		if definition.MatchString(text) || strings.HasPrefix(text, "@") {
			gap = "\n\n" // as ruff has it
		}
		fmt.Fprintf(&body, "\n# ======== %s.py ========\n%s%s\n", m.name, gap, text)
	}
	var out bytes.Buffer
	out.WriteString(top.doc + "\n\nfrom __future__ import annotations\n")
	b.imports(body.String()).write(&out)
	out.Write(body.Bytes())
	return out.Bytes(), nil
}

type bundler struct {
	files fs.FS
	done  map[string]*module // nil while a module waits for those it imports
	order []*module
}

// add reads a module and, before it, those that it imports.
func (b *bundler) add(name string, way []string) error {
	way = append(way, name)
	if m, begun := b.done[name]; begun {
		if m == nil {
			return fmt.Errorf("bundle: modules import each other in a circle: %s", strings.Join(way, " -> "))
		}
		return nil
	}
	b.done[name] = nil
	text, err := fs.ReadFile(b.files, name+".py")
	if err != nil {
		return fmt.Errorf("bundle: %s: %w", strings.Join(way, " -> "), err)
	}
	m, err := parse(name, string(text))
	if err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	for _, other := range slices.Sorted(maps.Keys(m.ours)) {
		if err := b.add(other, way); err != nil {
			return err
		}
		for _, name := range m.ours[other] {
			if !slices.Contains(b.done[other].defines, name) {
				return fmt.Errorf("bundle: %s.py imports %s from %s.py, which does not define it", m.name, name, other)
			}
		}
	}
	b.done[name] = m
	b.order = append(b.order, m)
	return nil
}

// check finds names that would mean two things in one file.
func (b *bundler) check() error {
	means := map[string]string{}
	say := func(name, meaning string) error {
		if was := means[name]; was != "" && was != meaning {
			return fmt.Errorf("bundle: %s is defined twice: %s; %s", name, was, meaning)
		}
		means[name] = meaning
		return nil
	}
	for _, m := range b.order {
		for _, i := range m.imports {
			if err := say(i.binds(), i.String()); err != nil {
				return err
			}
		}
	}
	for _, m := range b.order {
		for _, name := range m.defines {
			if err := say(name, "in "+m.name+".py"); err != nil {
				return err
			}
		}
	}
	return nil
}

// imports returns those of all modules that a name in the body needs.
func (b *bundler) imports(body string) importList {
	used := map[string]bool{}
	for _, line := range code(strings.Split(body, "\n")) {
		for _, at := range words.FindAllStringIndex(line, -1) {
			if at[0] == 0 || line[at[0]-1] != '.' { // or it is an attribute
				used[line[at[0]:at[1]]] = true
			}
		}
	}
	kept := map[imported]bool{}
	for _, m := range b.order {
		for _, i := range m.imports {
			if used[i.binds()] {
				kept[i] = true
			}
		}
	}
	return slices.Collect(maps.Keys(kept))
}

// modelMark ends the line of the main module that the model takes the place of.
const modelMark = " = None  # the renderer puts the model here"

// withModel returns the body of the main module with the model in it. The text is a
// raw string: JSON has no three quotes in a row.
func withModel(m *module, model []byte) ([]string, error) {
	lines, found := slices.Clone(m.body), 0
	for i, line := range lines {
		if name, ok := strings.CutSuffix(line, modelMark); ok && strings.HasPrefix(name, "MODEL") {
			found++
			lines[i] = name + " = json.loads(r\"\"\"\n" + strings.TrimSpace(string(model)) + "\n\"\"\")  # noqa: E501"
		}
	}
	if found != 1 {
		return nil, fmt.Errorf("bundle: %s.py has %d lines MODEL%s; it is to have 1", m.name, found, modelMark)
	}
	if bytes.Contains(model, []byte(`"""`)) {
		return nil, fmt.Errorf("bundle: the model is not JSON")
	}
	if !slices.Contains(m.imports, imported{module: "json"}) {
		return nil, fmt.Errorf("bundle: %s.py does not import json", m.name)
	}
	return lines, nil
}
