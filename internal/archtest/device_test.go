package archtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// devicePrograms are linked into firmware: the agent, and the library with
// nothing around it.
var devicePrograms = []string{"./producer", "./examples/raspberrypi"}

// linkable are the modules that a device binary may hold besides the standard
// library and this module. Each costs flash, and every update of it a download.
var linkable = map[string]string{
	"github.com/aws/aws-sdk-go-v2":                          "signing, HTTP, the client's frame",
	"github.com/aws/aws-sdk-go-v2/service/kinesis":          "the Kinesis calls",
	"github.com/aws/aws-sdk-go-v2/internal/configsources":   "needed by service/kinesis",
	"github.com/aws/aws-sdk-go-v2/internal/endpoints/v2":    "needed by service/kinesis",
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream": "needed by service/kinesis",
	"github.com/aws/smithy-go":                              "needed by the SDK",
	"github.com/klauspost/compress":                         "gzip, zstd and deflate",
	"golang.org/x/sys":                                      "file locks and disk space",
}

// unwanted gives the reason why some modules in particular are not linkable.
var unwanted = map[string]string{
	"github.com/aws/aws-sdk-go-v2/config":      "it pulls in sso, sts and imds; a device has its own credential provider",
	"github.com/aws/aws-sdk-go-v2/credentials": "it pulls in sso and sts; aws.CredentialsProviderFunc does for fixed keys",
	"github.com/stretchr/testify":              "it is for tests",
	"github.com/a8m/kinesis-producer":          "it is for tests",
	"github.com/goccy/go-yaml":                 "it is for the options file of the backend",
	"google.golang.org/protobuf":               "internal/kpl writes that wire format by hand",
}

func TestDeviceBinaryLinksOnlyWhatIsListed(t *testing.T) {
	found := 0
	for _, program := range devicePrograms {
		isThere := func(s source) bool { return "./"+s.dir() == program && !s.isTest() }
		if !slices.ContainsFunc(sources(t), isThere) {
			continue
		}
		found++
		for _, p := range []platform{"linux/arm", "linux/arm64"} {
			t.Run(program+" "+string(p), func(t *testing.T) {
				t.Parallel()
				deps, err := goList(p, "-deps", program)
				require.NoError(t, err)
				require.Greater(t, len(deps), 10)
				for _, complaint := range checkLinked(deps) {
					t.Error(complaint)
				}
			})
		}
	}
	if found == 0 {
		t.Skipf("none of %v is there yet", devicePrograms)
	}
}

// checkLinked complains once per module that deps may not hold. The last of
// deps is the program, as go list -deps orders them.
func checkLinked(deps []listed) (complaints []string) {
	reported := map[string]bool{}
	for _, d := range deps {
		mod := d.ImportPath // of a package that was not found
		if d.Module != nil {
			mod = d.Module.Path
		}
		if d.Standard || mod == module || linkable[mod] != "" || reported[mod] {
			continue
		}
		reported[mod] = true
		reason := unwanted[mod]
		if reason == "" {
			reason = "it is not among the modules that a device binary may link"
		}
		complaints = append(complaints, fmt.Sprintf("%s is linked: %s\n\tby %s", mod, reason, strings.Join(chain(deps, d.ImportPath), "\n\t -> ")))
	}
	return complaints
}

// chain returns a shortest way by imports from the last of deps to target.
func chain(deps []listed, target string) []string {
	imports := map[string][]string{}
	for _, d := range deps {
		imports[d.ImportPath] = d.Imports
	}
	start := deps[len(deps)-1].ImportPath
	from := map[string]string{start: ""}
	for queue := []string{start}; len(queue) > 0; queue = queue[1:] {
		for _, next := range imports[queue[0]] {
			if _, seen := from[next]; !seen {
				from[next] = queue[0]
				queue = append(queue, next)
			}
		}
	}
	var way []string
	for at := target; at != ""; at = from[at] {
		way = append(way, at)
	}
	slices.Reverse(way)
	return way
}

func TestDeviceRuleBites(t *testing.T) {
	mod := func(p string) *struct{ Path string } { return &struct{ Path string }{p} }
	const config = "github.com/aws/aws-sdk-go-v2/config"
	deps := []listed{
		{ImportPath: "fmt", Standard: true},
		{ImportPath: "vendor/golang.org/x/net/idna", Standard: true},
		{ImportPath: config, Module: mod(config), Imports: []string{"fmt"}},
		{ImportPath: config + "/other", Module: mod(config)},
		{ImportPath: "golang.org/x/sys/unix", Module: mod("golang.org/x/sys")},
		{ImportPath: "example.com/missing"},
		{ImportPath: module + "/producer", Module: mod(module), Imports: []string{config, "fmt"}},
		{ImportPath: module + "/examples/x", Module: mod(module), Imports: []string{"fmt", module + "/producer", "example.com/missing"}},
	}
	got := checkLinked(deps)
	require.Len(t, got, 2)
	require.Contains(t, got[0], config+" is linked: it pulls in")
	require.Contains(t, got[0], module+"/examples/x\n\t -> "+module+"/producer\n\t -> "+config)
	require.Contains(t, got[1], "example.com/missing is linked")
}
