package sensors

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestThisMachine(t *testing.T) {
	s, err := Discover("/")
	require.NoError(t, err)
	defer s.Close()
	values := s.Read(nil)
	require.Len(t, values, len(s.Sensors()))
	ok := 0
	for _, v := range values {
		if v.Err == nil {
			ok++
		}
	}
	require.Positive(t, ok)
}

func TestParseFloat(t *testing.T) {
	for _, tt := range []struct {
		in   string
		exp  int
		want float64
		err  error
	}{
		{"23437\n", -3, 23.437, nil},
		{" -62 ", -3, -0.062, nil},
		{"101.325250000\n", 3, 101325.25, nil},
		{"0.29", -2, 0.0029, nil}, // 0.29 * 0.01 is 0.0028999999999999998
		{"+5", 0, 5, nil},
		{"", 0, 0, errEmpty},
		{"\n", 0, 0, errEmpty},
		{"inf", 0, 0, errNotNumber},
		{"1e400", 0, 0, errNotNumber},
		{"1 2", 0, 0, errNotNumber},
		{"--1", 0, 0, errNotNumber},
		{"1.0 dB", 0, 0, errNotNumber},
		{strings.Repeat("9", 25), 0, 0, errNotNumber},
	} {
		got, err := parseFloat([]byte(tt.in), tt.exp)
		require.Equal(t, tt.err, err, tt.in)
		require.Equal(t, tt.want, got, tt.in)
	}
}

func TestParseInt(t *testing.T) {
	for _, tt := range []struct {
		in   string
		base int
		want int64
		err  error
	}{
		{"-12\n", 10, -12, nil},
		{"50005\n", 16, 0x50005, nil},
		{"0x1003\n", 16, 0x1003, nil},
		{"9223372036854775807", 10, math.MaxInt64, nil},
		{"9223372036854775808", 10, 0, errNotNumber},
		{"1.5", 10, 0, errNotNumber},
		{"", 16, 0, errEmpty},
	} {
		got, err := parseInt([]byte(tt.in), tt.base)
		require.Equal(t, tt.err, err, tt.in)
		require.Equal(t, tt.want, got, tt.in)
	}
}

func TestCleanName(t *testing.T) {
	for want, parts := range map[string][]string{
		"temp_cpu_thermal":             {"temp", "cpu-thermal"},
		"hwmon_coretemp_package_id_0":  {"hwmon", "coretemp", "Package id 0"},
		"x":                            {"", "°"},
		"x5v_rail":                     {"5V", "__rail__"},
		"net_eth0_100_rx":              {"net", "eth0.100", "rx"},
		strings.Repeat("a", maxName):   {strings.Repeat("a", maxName)},
		strings.Repeat("a", maxName-9): {strings.Repeat("a", maxName-9)},
	} {
		require.Equal(t, want, cleanName(parts...))
	}
	long := cleanName(strings.Repeat("a", 100), "x")
	require.Len(t, long, maxName)
	require.NotEqual(t, long, cleanName(strings.Repeat("a", 100), "y"))
}

func TestSettleNames(t *testing.T) {
	mk := func(order ...string) []string {
		var all []found
		for _, o := range order {
			name, hint, _ := strings.Cut(o, "@")
			hint, path, _ := strings.Cut(hint, "#")
			all = append(all, found{sensors: []Sensor{{Name: name, Doc: o}}, hint: hint, order: path})
		}
		settleNames(all)
		var out []string
		for _, f := range all {
			out = append(out, f.sensors[0].Name+"="+f.sensors[0].Doc)
		}
		return out
	}
	want := []string{
		"a_1=a@1#", "a_2=a@2#", // both named by address: neither is "the" a
		"b=b@#z9", "b_3=b@#z10", // numbered by path; b_2 is someone else's name
		"b_2=b_2@#",
		"c=c@7#",
	}
	require.Equal(t, want, mk("c@7#", "b_2@#", "b@#z10", "a@2#", "b@#z9", "a@1#"))
	require.Equal(t, want, mk("a@1#", "a@2#", "b@#z9", "b@#z10", "b_2@#", "c@7#"))
}

func TestShare(t *testing.T) {
	var s share
	require.Equal(t, 0.2, s.next(20, 100), "since boot")
	require.Equal(t, 0.5, s.next(70, 200))
	require.Equal(t, 0.5, s.next(70, 200), "no tick since")
	require.Equal(t, 0.0, s.next(60, 210), "iowait counted backwards")
	require.Equal(t, 1.0, s.next(100, 220), "and forwards again")
}

func TestBytesOf(t *testing.T) {
	require.Equal(t, int64(12<<10), bytesOf(12, 1024))
	require.Equal(t, int64(math.MaxInt64), bytesOf(1<<62, 4))
	require.Equal(t, int64(math.MaxInt64), bytesOf(1<<63, 4096))
}

func TestKind(t *testing.T) {
	require.Equal(t, "float int bool kind(9)", Float.String()+" "+Int.String()+" "+Bool.String()+" "+Kind(9).String())
}
