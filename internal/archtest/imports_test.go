package archtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// anything stands for every package of the module but programs and harnesses.
const anything = "*"

// importRules says what each folder, and what is below it, may import of this
// module besides itself. The longest folder that holds a package rules it.
var importRules = map[string][]string{
	"record":               {},
	"partition":            {"internal/md5sum"},
	"compress":             {"record"},
	"retry":                {"internal/vfs", "internal/spool"},
	"producer":             {"record", "compress", "partition", "retry", "internal/failure", "internal/kpl"},
	"backend":              {"record", "backend"},
	"backend/decode":       {"record", "compress", "internal/kpl"},
	"backend/model":        {"record"},
	"backend/python":       {"backend/model"},
	"backend/stack":        {"backend/model"},
	"backend/terraform":    {"backend/model", "backend/stack"},
	"backend/athena":       {"backend/model"},
	"cmd":                  {anything},
	"examples":             {anything},
	"internal/backendtest": {"record", "backend/model"},
	"internal/failure":     {},
	"internal/kpl":         {"internal/md5sum"},
	"internal/md5sum":      {},
	"internal/mutants":     {},
	"internal/sample":      {},
	"internal/spool":       {"internal/vfs"},
	"internal/term":        {},
	"internal/vfs":         {},
}

// never may be imported by nothing but itself.
var never = []string{"cmd", "examples", "bench", "e2e"}

// sdkUsers are the folders that may import the AWS SDK: what is not among them
// can be used, and tested, without it.
var sdkUsers = []string{"producer", "cmd", "examples"}

func TestImportsGoOneWay(t *testing.T) {
	sources(t)
	for _, p := range platforms {
		t.Run(string(p), func(t *testing.T) {
			t.Parallel()
			pkgs, err := goList(p, "./...")
			require.NoError(t, err)
			require.Greater(t, len(pkgs), 1, "go list found nothing to check")
			for _, complaint := range checkImports(pkgs) {
				t.Error(complaint)
			}
		})
	}
}

func checkImports(pkgs []listed) (complaints []string) {
	for _, p := range pkgs {
		if len(p.Imports) == 0 {
			continue // tests only, or imports nothing
		}
		from, _ := ours(p.ImportPath)
		folder := ruling(from)
		if folder == "" {
			complaints = append(complaints, fmt.Sprintf("%s: no rule says what it may import; add it to importRules", from))
			continue
		}
		for _, imported := range p.Imports {
			if isSDK(imported) && !slices.ContainsFunc(sdkUsers, within(from)) {
				complaints = append(complaints, fmt.Sprintf("%s imports %s: only %s may import the AWS SDK, so that the others work without it",
					from, imported, strings.Join(sdkUsers, ", ")))
			}
			to, isOurs := ours(imported)
			if isOurs && !mayImport(folder, to) {
				complaints = append(complaints, fmt.Sprintf("%s imports %s: %s may import only %v of this module, so that imports go one way",
					from, to, folder, importRules[folder]))
			}
		}
	}
	return complaints
}

func mayImport(folder, to string) bool {
	if within(to)(folder) {
		return true
	}
	if slices.ContainsFunc(never, within(to)) {
		return false
	}
	allowed := importRules[folder]
	return slices.Contains(allowed, anything) || slices.ContainsFunc(allowed, within(to))
}

// ruling returns the longest folder of importRules that holds dir, or "".
func ruling(dir string) (folder string) {
	for f := range importRules {
		if within(dir)(f) && len(f) > len(folder) {
			folder = f
		}
	}
	return folder
}

// within returns a predicate: does a folder hold dir?
func within(dir string) func(folder string) bool {
	return func(folder string) bool { return dir == folder || strings.HasPrefix(dir, folder+"/") }
}

// ours cuts the module's path off an import path.
func ours(importPath string) (dir string, ok bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

func isSDK(importPath string) bool { return strings.HasPrefix(importPath, "github.com/aws/") }

func TestImportRulesBite(t *testing.T) {
	const sdk = "github.com/aws/aws-sdk-go-v2/service/kinesis"
	for _, c := range []struct {
		from, to string
		complain bool
	}{
		{"record", "fmt", false},
		{"record", module + "/partition", true},
		{"record", module + "/internal/kpl", true},
		{"recorder", "fmt", true},
		{"retry", module + "/internal/vfs", false},
		{"retry", module + "/internal/vfs/faulty", false},
		{"retry", module + "/record", true},
		{"retry", sdk, true},
		{"compress", module + "/record", false},
		{"compress", module + "/retry", true},
		{"producer", module + "/producer/iotcreds", false},
		{"producer", sdk, false},
		{"producer", module + "/backend/decode", true},
		{"producer", module + "/internal/vfs", true},
		{"producer/kinesistest", module + "/internal/kpl", false},
		{"backend/decode", module + "/compress", false},
		{"backend/decode", module + "/producer", true},
		{"backend/decode", sdk, true},
		{"backend/decode", module + "/backend/model", true},
		{"backend/stack", module + "/backend/model", false},
		{"backend/stack", module + "/backend", true},
		{"backend/stack", module + "/backend/terraform", true},
		{"backend/terraform", module + "/backend/stack", false},
		{"backend", module + "/backend/terraform", false},
		{"backend", module + "/producer", true},
		{"internal/kpl", module + "/record", true},
		{"internal/novel", "fmt", true},
		{"cmd/rivulet", module + "/backend/decode", false},
		{"cmd/rivulet", module + "/cmd/rivulet/term", false},
		{"cmd/rivulet", module + "/bench/peers", true},
		{"cmd/rivulet", module + "/e2e", true},
		{"examples/raspberrypi", module + "/cmd/rivulet", true},
		{".", "fmt", true},
	} {
		got := checkImports([]listed{{ImportPath: strings.TrimSuffix(module+"/"+c.from, "/."), Imports: []string{c.to}}})
		require.Equal(t, c.complain, len(got) > 0, "%s -> %s: %v", c.from, c.to, got)
	}
}
