package compress

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNothingIsFused: on arm64, among others, Go may round x*y+z once instead of
// twice, unless the product is converted to float64 by name. A decoder that does
// would read other floats than were written.
func TestNothingIsFused(t *testing.T) {
	cmd := exec.Command("go", "build", "-gcflags=-S", "-o", os.DevNull, ".")
	cmd.Env = append(os.Environ(), "GOARCH=arm64", "CGO_ENABLED=0")
	assembly, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", assembly)
	require.Contains(t, string(assembly), "FMULD", "there is floating point in it")
	for line := range strings.Lines(string(assembly)) {
		if strings.Contains(line, "FMADD") || strings.Contains(line, "FMSUB") || strings.Contains(line, "FNM") && !strings.Contains(line, "FNMULD") {
			t.Error(line)
		}
	}
}
