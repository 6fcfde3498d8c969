package term

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// hostile are the characters that terminals obey, or that a reader does not see.
func hostile() (out []rune) {
	add := func(from, to rune) {
		for r := from; r <= to; r++ {
			out = append(out, r)
		}
	}
	add(0, 0x1f)          // C0
	add(0x7f, 0x9f)       // DEL, C1: U+009B is CSI in one character
	add(0x202a, 0x202e)   // embeddings and overrides
	add(0x2066, 0x2069)   // isolates
	add(0x200b, 0x200f)   // without width, marks of direction
	add(0x2028, 0x2029)   // line and paragraph separators
	add(0x2060, 0x2064)   // word joiner, invisible operators
	add(0xfff9, 0xfffb)   // interlinear annotations
	add(0xe0001, 0xe007f) // tags
	return append(out, 0x61c, 0xad, 0xfeff, 0x180e, 0x85, 0xa0, 0xd7ff, 0x10ffff)
}

func TestNothingHostileIsLeft(t *testing.T) {
	for _, r := range hostile() {
		require.True(t, Unsafe(r), "%U", r)
		s := "a" + string(r) + "b"
		for _, out := range []string{Escape(s), string(EscapeJSON(nil, []byte(`"`+s+`"`)))} {
			if r != '\n' && r != '\t' && r != '\r' {
				require.NotContains(t, out, string(r), "%U", r)
			}
			for _, left := range out {
				require.False(t, Unsafe(left) && left != '\n' && left != '\t' && left != '\r', "%U leaves %U", r, left)
			}
		}
		require.NotContains(t, Escape(s), string(r), "%U", r)
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"":                         "",
		`plain \ "text"`:           `plain \ "text"`,
		"Grüße 日本 𝄞 😀":             "Grüße 日本 𝄞 😀",
		"\ufffd":                   "\ufffd",
		"\x1b[2J\x1b]0;title\x07":  `\x1b[2J\x1b]0;title\x07`,
		"line\r\nother\t":          `line\x0d\x0aother\x09`,
		"\u009b31m":                `\x9b31m`,
		"\u202egnp.exe":            `\u202egnp.exe`,
		"\U000e0041":               `\U000e0041`,
		"\xff\xfe a":               `\xff\xfe a`,
		"cut \xe6\x97":             `cut \xe6\x97`,
		string(rune(0)) + "\ufeff": `\x00\ufeff`,
	} {
		require.Equal(t, want, Escape(in), "%q", in)
	}
	plain := "nothing to do"
	require.Zero(t, testing.AllocsPerRun(10, func() { Escape(plain) }))
}

// TestJSONStaysTheSame: what is escaped is the same value, for machines.
func TestJSONStaysTheSame(t *testing.T) {
	for _, r := range append(hostile(), '"', '\\', 'é', '𝄞', 0x1d173) {
		want := map[string]any{string(r) + "name": "value" + string(r), "more": []any{string(r), 1.5, nil}}
		doc, err := json.Marshal(want)
		require.NoError(t, err)
		raw := strings.ReplaceAll(string(doc), `\u2028`, "\u2028") // Go escapes two of them itself
		out := EscapeJSON(nil, []byte(strings.ReplaceAll(raw, `\u2029`, "\u2029")))
		var back map[string]any
		require.NoError(t, json.Unmarshal(out, &back), "%U: %s", r, out)
		require.Equal(t, want, back, "%U", r)
	}
	pretty := "{\n\t\"a\": 1\r\n}"
	require.Equal(t, pretty, string(EscapeJSON(nil, []byte(pretty))))
}

func FuzzEscape(f *testing.F) {
	f.Add("a\x1b\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		out := Escape(s)
		require.True(t, utf8.ValidString(out))
		for _, r := range out {
			require.False(t, Unsafe(r), "%U", r)
		}
		require.Equal(t, out, Escape(out), "escaping twice")
		quoted, err := json.Marshal(s)
		require.NoError(t, err)
		var want, got string
		require.NoError(t, json.Unmarshal(quoted, &want))
		require.NoError(t, json.Unmarshal(EscapeJSON(nil, quoted), &got))
		require.Equal(t, want, got)
		require.Equal(t, fmt.Sprint(len(got)), fmt.Sprint(len(want)))
	})
}
