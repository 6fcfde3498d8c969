package stack

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCreate is a smoke test: the emulator takes the template as a whole, in an order in
// which every reference is there, with and without what starts the job. It does not know
// all types, nor all properties of those it knows.
func TestCreate(t *testing.T) {
	paths := templates(t)
	for _, c := range []struct{ start, uploaded string }{{"false", "false"}, {"true", "false"}, {"false", "true"}, {"true", "true"}} {
		parameters := `{"Administrators": "arn:aws:iam::123456789012:role/Admin", "Start": "` + c.start + `", "ConsumerUploaded": "` + c.uploaded + `"}`
		var stacks []struct {
			Status    string
			Outputs   map[string]string
			Resources []string
		}
		run(t, python(t, append([]string{"create.py", parameters}, paths...)...), &stacks)
		require.Len(t, stacks, len(paths))
		for i, s := range stacks {
			require.Equal(t, "CREATE_COMPLETE", s.Status)
			for _, name := range []string{"Key", "Stream", "Lake", "Logs", "JobRole", "DeviceRole", "ReaderRole", "Alerts", "Dashboard"} {
				require.Contains(t, s.Resources, name, paths[i])
			}
			require.Equal(t, "s3://"+s.Outputs["LakeBucket"]+"/scripts/"+models(t)[i].ScriptName(), s.Outputs["ScriptLocation"])
		}
		// Stopping must not take the consumer's place in the stream away.
		for _, name := range []string{"Consumer", "ConsumerSource"} {
			require.Equal(t, c.uploaded == "true", slices.Contains(stacks[1].Resources, name), "%v: %s", c, name)
		}
	}
	out, err := python(t, "create.py", `{"Administrators": "x"}`, broken(t, "RoleArn: !GetAtt DeviceRole.Arn", "RoleArn: !GetAtt Missing.Arn")).CombinedOutput()
	require.Error(t, err, "%s", out)
}
