package model

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestYears(t *testing.T) {
	for days, want := range map[int]int{1: 2019, 90: 2019, 365: 2019, 366: 2018, 36500: 1920} {
		first, last := (&Model{Options: Options{Records: Records{MaxAgeDays: days}}}).Years()
		require.Equal(t, want, first, days)
		require.Equal(t, 2050, last)
	}
}

func TestComment(t *testing.T) {
	for doc, want := range map[string]string{
		"air, indoors": "air, indoors", "it's \"hot\"; `a\\b`": "it’s ’hot’, ’a/b’", "a\tb\u0085c\uffffd\x7fe": "a b c d e",
		strings.Repeat("é", 200): strings.Repeat("é", 127),
	} {
		require.Equal(t, want, Column{Doc: doc}.Comment())
	}
}
