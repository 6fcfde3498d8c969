package sensors

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
)

const maxName = 64

// cleanName turns parts into a name: lower case a-z, 0-9 and _, beginning with a
// letter, at most 64 characters. A longer one ends in a hash of the whole.
func cleanName(parts ...string) string {
	var b strings.Builder
	gap := false
	for _, part := range parts {
		gap = true
		for _, r := range strings.ToLower(part) {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				if gap && b.Len() > 0 {
					b.WriteByte('_')
				}
				gap = false
				b.WriteRune(r)
			} else {
				gap = true
			}
		}
	}
	name := b.String()
	if name == "" || name[0] <= '9' {
		name = "x" + name
	}
	if len(name) > maxName {
		h := fnv.New32a()
		h.Write([]byte(name))
		name = fmt.Sprintf("%s_%08x", name[:maxName-9], h.Sum32())
	}
	return name
}

// settleNames sorts the sources and makes their names unique, in a way that does
// not depend on the order in which they were found.
//
// All sensors of one name get their hint appended, so that no twin takes the plain
// name from the other; those that remain alike are numbered by path.
func settleNames(all []found) {
	slices.SortStableFunc(all, func(a, b found) int {
		if a.group != b.group {
			return a.group - b.group
		}
		if c := strings.Compare(a.sensors[0].Name, b.sensors[0].Name); c != 0 {
			return c
		}
		if c := strings.Compare(a.hint, b.hint); c != 0 {
			return c
		}
		return compareNatural(a.order, b.order)
	})
	count := names(all)
	for i := range all {
		for j := range all[i].sensors {
			if s := &all[i].sensors[j]; count[s.Name] > 1 && all[i].hint != "" {
				s.Name = cleanName(s.Name, all[i].hint)
			}
		}
	}
	taken := names(all)
	seen := map[string]int{}
	for i := range all {
		for j := range all[i].sensors {
			s := &all[i].sensors[j]
			base := s.Name
			seen[base]++
			if seen[base] == 1 {
				continue
			}
			for n := seen[base]; ; n++ {
				name := cleanName(base, strconv.Itoa(n))
				if taken[name] == 0 {
					taken[name]++
					s.Name = name
					break
				}
			}
		}
	}
}

func names(all []found) map[string]int {
	count := map[string]int{}
	for i := range all {
		for _, s := range all[i].sensors {
			count[s.Name]++
		}
	}
	return count
}

// compareNatural orders texts with their numbers by value: zone2 before zone10.
func compareNatural(a, b string) int {
	for a != "" && b != "" {
		na, nb := digits(a), digits(b)
		if na > 0 && nb > 0 {
			x, y := strings.TrimLeft(a[:na], "0"), strings.TrimLeft(b[:nb], "0")
			if len(x) != len(y) {
				return len(x) - len(y)
			}
			if c := strings.Compare(x, y); c != 0 {
				return c
			}
			a, b = a[na:], b[nb:]
			continue
		}
		if a[0] != b[0] {
			return int(a[0]) - int(b[0])
		}
		a, b = a[1:], b[1:]
	}
	return len(a) - len(b)
}

// digits counts the decimal digits at the head of s.
func digits[T string | []byte](s T) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
