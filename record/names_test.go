package record

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// nameCase is a text, and whether it can be a device id and a name.
type nameCase struct {
	Text string
	OK   bool
}

func nameCases(t *testing.T) (cases []nameCase) {
	doc, err := os.ReadFile("testdata/names.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(doc, &cases))
	require.Greater(t, len(cases), 80)
	return cases
}

// TestNames: a name is held to the same rule wherever it comes in, and the error
// shows it in a way that can be printed.
func TestNames(t *testing.T) {
	quoted := func(s string) string {
		out, err := json.Marshal(s)
		require.NoError(t, err)
		return string(out)
	}
	append1 := func(r Record) error { _, err := AppendRecord(nil, nil, &r, time.Time{}); return err }
	parse := func(line string) error { _, err := ParseJSON([]byte(line)); return err }
	for _, c := range nameCases(t) {
		for where, err := range map[string]error{
			"device":           CheckDevice(c.Text),
			"name":             CheckName(c.Text),
			"reading":          append1(Record{Readings: []Reading{{c.Text, IntValue(1)}}}),
			"metadata":         append1(Record{Meta: []Meta{{c.Text, ""}}}),
			"schema":           append1(Record{Schema: c.Text}),
			"device in JSON":   parse(`{"device_id":` + quoted(c.Text) + `}`),
			"reading in JSON":  parse(`{"device_id":"d","readings":{` + quoted(c.Text) + `:1}}`),
			"metadata in JSON": parse(`{"device_id":"d","meta":{` + quoted(c.Text) + `:"1"}}`),
			"schema in JSON":   parse(`{"device_id":"d","schema":` + quoted(c.Text) + `}`),
		} {
			if c.OK || c.Text == "" && strings.HasPrefix(where, "schema") {
				require.NoError(t, err, "%s: %q", where, c.Text)
				continue
			}
			require.Error(t, err, "%s: %q", where, c.Text)
			require.True(t, utf8.ValidString(err.Error()))
			require.NotRegexp(t, `[\x00-\x1f\x7f-\x9f\x{202a}-\x{202e}\x{feff}]`, err.Error(), where)
		}
	}
	require.ErrorContains(t, CheckDevice("pi\x1b[2J"), `device_id = "pi\x1b[2J": it has the character U+001B, which does not show itself; a device id is text without such`)
	require.ErrorContains(t, CheckDevice("\xff"), `not valid UTF-8`)
	require.ErrorContains(t, CheckDevice(" pi"), `device_id = " pi": it begins or ends with a space`)
}

// TestValuesAreFree: what strings say is the device's affair.
func TestValuesAreFree(t *testing.T) {
	for _, c := range nameCases(t) {
		r := Record{Meta: []Meta{{"m", c.Text}}, Readings: []Reading{{"s", StringValue(c.Text)}}}
		_, err := AppendRecord(nil, nil, &r, time.Time{})
		require.NoError(t, err, "%q", c.Text)
		r.ID.Device = "d"
		back, err := ParseJSON(AppendJSON(nil, &r))
		require.NoError(t, err)
		require.Equal(t, r.Readings, back.Readings)
		require.Equal(t, r.Meta, back.Meta)
	}
}

func TestCheckingNamesIsCheap(t *testing.T) {
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _, _ = CheckDevice("pi-7f3a"), CheckName("temperature"), CheckName("Grüße") }))
}
