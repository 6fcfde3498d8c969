package model

import (
	"fmt"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/record"
)

func TestUnitTable(t *testing.T) {
	seen := map[string]string{}
	for _, d := range dimensions {
		units, err := d.parse()
		require.NoError(t, err, d.name)
		require.Greater(t, len(units), 1, d.name)
		require.Zero(t, units[0].scale.Cmp(big.NewRat(1, 1)), "the first of %s is the base", d.name)
		for _, u := range units {
			require.Positive(t, u.scale.Sign(), u.name)
			require.Empty(t, seen[u.name], "%s is in two dimensions", u.name)
			seen[u.name] = d.name
			_, err := record.NewSchema("x", 1, record.Field{Name: "a", Kind: record.Float, Unit: u.name})
			require.NoError(t, err, "a schema can have it")
		}
	}
}

func TestConversions(t *testing.T) {
	for _, c := range []struct {
		from, to      string
		scale, offset float64
	}{
		{"Cel", "[degF]", 1.8, 32},
		{"Cel", "K", 1, 273.15},
		{"K", "Cel", 1, -273.15},
		{"[degF]", "Cel", 5.0 / 9, -160.0 / 9},
		{"hPa", "Pa", 100, 0},
		{"Pa", "hPa", 0.01, 0},
		{"bar", "[psi]", 14.50377377302092, 0},
		{"mbar", "kPa", 0.1, 0},
		{"/", "%", 100, 0},
		{"m/s", "km/h", 3.6, 0},
		{"km/h", "m/s", 1 / 3.6, 0},
		{"mV", "V", 0.001, 0},
		{"kWh", "J", 3.6e6, 0},
		{"J", "Wh", 1.0 / 3600, 0},
		{"B", "KiB", 1.0 / 1024, 0},
		{"MB", "B", 1e6, 0},
		{"dBm", "dBW", 1, -30},
		{"h", "min", 60, 0},
		{"ug/m3", "mg/m3", 0.001, 0},
	} {
		col := Column{Name: "x", Type: "bigint", Unit: c.from}
		require.Empty(t, convert(&col, record.Int, c.to), "%v", c)
		require.Equal(t, Column{Name: "x", Type: "double", Unit: c.to, Convert: &Conversion{c.from, c.scale, c.offset}}, col)
	}
	for _, same := range [][2]string{{"V", "V"}, {"hPa", "mbar"}, {"%RH", "%"}, {"By", "B"}} {
		col := Column{Type: "bigint", Unit: same[0]}
		require.Empty(t, convert(&col, record.Int, same[1]))
		require.Equal(t, Column{Type: "bigint", Unit: same[1]}, col, "the values are the same")
	}
}

// Each scale is the float64 that is nearest to the exact quotient, both ways.
func TestConversionsAreRoundedOnce(t *testing.T) {
	n := 0
	for _, d := range dimensions {
		units, err := d.parse()
		require.NoError(t, err)
		for _, from := range units {
			for _, to := range units {
				col := Column{Unit: from.name}
				require.Empty(t, convert(&col, record.Float, to.name))
				if col.Convert == nil {
					continue
				}
				exact := new(big.Float).SetPrec(2000).SetRat(new(big.Rat).Mul(from.scale, new(big.Rat).Inv(to.scale)))
				nearest, _ := exact.Float64()
				require.Equal(t, nearest, col.Convert.Scale, fmt.Sprint(from.name, to.name))
				n++
			}
		}
	}
	require.Greater(t, n, 500)
}

func TestConversionErrors(t *testing.T) {
	for _, c := range []struct {
		kind           record.Kind
		from, to, want string
	}{
		{record.Float, "Cel", "C", "the schema has it in Cel, which can become K, [degF]"},
		{record.Float, "Cel", "V", "the schema has it in Cel, which can become K, [degF]"},
		{record.Int, "", "V", "the schema gives the field no unit to convert from"},
		{record.Float, "lx", "klx", "the schema has it in lx, of which no conversions are known"},
		{record.Bool, "", "/", "the field is a bool, which has no unit"},
		{record.String, "", "K", "the field is a string, which has no unit"},
	} {
		col := Column{Unit: c.from}
		require.Equal(t, c.want, convert(&col, c.kind, c.to))
	}
}
