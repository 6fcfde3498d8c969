package wire

import (
	"crypto/fips140"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestUnderFIPS runs the other tests of the package in a process in which what FIPS
// 140-3 does not approve panics, or is merely not used.
func TestUnderFIPS(t *testing.T) {
	if fips140.Enabled() {
		t.Skip("it is on")
	}
	for _, mode := range []string{"on", "only"} {
		cmd := exec.Command(os.Args[0], "-test.skip=^TestUnderFIPS$")
		cmd.Env = append(os.Environ(), "GODEBUG=fips140="+mode)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "fips140=%s\n%s", mode, out)
	}
}
