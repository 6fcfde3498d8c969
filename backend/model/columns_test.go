package model

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestYears(t *testing.T) {
	for days, want := range map[int]int{1: 2025, 90: 2025, 365: 2025, 366: 2024, 36500: 1926} {
		first, last := (&Model{Options: Options{Records: Records{MaxAgeDays: days}}}).Years()
		require.Equal(t, want, first, days)
		require.Equal(t, 2050, last)
	}
}
