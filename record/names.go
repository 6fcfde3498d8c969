package record

import (
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// Device ids and the names of readings, metadata and schemas end up in tables, file
// names, queries, spreadsheets and terminals, so they are text that shows itself:
// no control characters, nothing that changes the direction of what is around it,
// nothing that nobody sees. What strings say as values is free.
// backend/python/rivulet_frames.py has the same rule; testdata/names.json holds both to it.

// unseen are the ranges of characters that a name may not have. They are given one
// by one, as what counts as printable differs between versions of Unicode. The
// joiners U+200C and U+200D are not among them: words of some languages need them.
var unseen = [...][2]rune{
	{0, 0x1f},          // C0 controls
	{0x7f, 0x9f},       // delete, C1 controls
	{0xad, 0xad},       // soft hyphen
	{0x61c, 0x61c},     // Arabic letter mark, bidirectional
	{0x180e, 0x180e},   // Mongolian vowel separator
	{0x200b, 0x200b},   // zero width space
	{0x200e, 0x200f},   // left-to-right and right-to-left marks
	{0x2028, 0x202e},   // line and paragraph separators, embeddings, overrides
	{0x2060, 0x206f},   // word joiner, invisible operators, isolates, deprecated controls
	{0xfeff, 0xfeff},   // byte order mark
	{0xfff9, 0xfffb},   // interlinear annotations
	{0xe0000, 0xe007f}, // tags
}

// badName says why s, which is not empty, cannot be a name, or "".
func badName(s string) string {
	plain := s != "" && s[0] != ' ' && s[len(s)-1] != ' '
	for i := 0; plain && i < len(s); i++ {
		plain = s[i] >= ' ' && s[i] < 0x7f
	}
	if plain { // as nearly all
		return ""
	}
	if !utf8.ValidString(s) {
		return "it is not valid UTF-8"
	}
	for _, r := range s {
		for _, u := range unseen {
			if r >= u[0] && r <= u[1] {
				return fmt.Sprintf("it has the character %U, which does not show itself", r)
			}
		}
	}
	first, _ := utf8.DecodeRuneInString(s)
	last, _ := utf8.DecodeLastRuneInString(s)
	if unicode.IsSpace(first) || unicode.IsSpace(last) {
		return "it begins or ends with a space"
	}
	return ""
}

// CheckName says why s cannot be the name of a reading or of metadata, or a
// schema's reference: 1 to 128 bytes of UTF-8, without control characters and the
// like, or spaces at its ends.
func CheckName(s string) error { return check("name", s, nameProblem("a name", s)) }

// CheckDevice says why s cannot be a device id: 1 to 128 characters of UTF-8,
// without control characters and the like, or spaces at its ends.
func CheckDevice(s string) error {
	problem := ""
	if s == "" || len(s) > MaxDevice && utf8.RuneCountInString(s) > MaxDevice {
		problem = "a device id is 1 to " + strconv.Itoa(MaxDevice) + " characters of UTF-8"
	} else if bad := badName(s); bad != "" {
		problem = bad + "; a device id is text without such"
	}
	return check("device_id", s, problem)
}

func check(field, s, problem string) error {
	if problem == "" {
		return nil
	}
	return &FieldError{field, strconv.Quote(shorten(s)), problem}
}

// nameProblem says what keeps s from being what a name is here, such as "a name".
func nameProblem(what, s string) string {
	if s == "" || len(s) > MaxNameBytes {
		return what + " is 1 to " + strconv.Itoa(MaxNameBytes) + " bytes of UTF-8, this one has " + strconv.Itoa(len(s))
	}
	if problem := badName(s); problem != "" {
		return problem + "; " + what + " is text without such"
	}
	return ""
}

// refProblem is nameProblem of a schema's reference, which may be missing.
func refProblem(s string) string {
	if s == "" {
		return ""
	}
	return nameProblem("a schema's reference", s)
}
