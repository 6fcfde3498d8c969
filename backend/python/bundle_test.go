package python

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

const future = "from __future__ import annotations\n"

// The modules of the tests: top imports left and right, which both import base.
func sample() map[string]string {
	return map[string]string{
		"rivulet_base": `#!/usr/bin/env python3
"""The base.

    import rivulet_base
"""

` + future + `
import argparse
import json
import os
from collections.abc import Iterable
from typing import Any, NamedTuple

LIMIT, _KEY = 3, "from x import y  # no import"
TEXT = """
import nothing
def nothing(): \"""
"""


class Thing(NamedTuple):
    """A thing."""

    name: str
    json: str = json.dumps("")  # json


def base(x: Iterable[Any]) -> int:
    import zlib

    return zlib.crc32(b"".join(x)) if x else os.path.getsize('it\'s "x"')


# ---- Command line ----


def main() -> int:
    argparse.ArgumentParser()
    return 0


if __name__ == "__main__":
    main()
`,
		"rivulet_left": "\"\"\"Left.\"\"\"\n\n" + future + "\nimport time\n\nfrom rivulet_base import LIMIT\n\n\ndef left() -> float:\n    return time.time() * LIMIT\n\n\n" +
			"if __name__ == \"__main__\":\n    left()\n\n    left()\n\nlast = 1\n",
		"rivulet_right": future + "from collections.abc import Iterator, Iterable\nfrom rivulet_base import (\n    LIMIT,\n    Thing,\n)\n\n\n" +
			"def right(it: Iterable[Thing]) -> Iterator[int]:\n    yield LIMIT\n",
		"rivulet_top": `"""Top of it.

Two paragraphs.
"""

` + future + `
import json
import sys
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from rivulet_base import Thing
from rivulet_left import last, left
from rivulet_right import right

MODEL: Any = None  # the renderer puts the model here


def main(args: list[str], frame: DataFrame) -> None:
    print(MODEL, left(), right([Thing("")]), last, pa, F, json, args)


if __name__ == "__main__":
    main(sys.argv[1:])
`}
}

func build(modules map[string]string, main, model string) (string, error) {
	files := fstest.MapFS{}
	for name, text := range modules {
		files[name+".py"] = &fstest.MapFile{Data: []byte(text)}
	}
	got, err := bundle(files, main, []byte(model))
	return string(got), err
}

const sampleModel = `{
  "doc": "it's \"\"\" and ''' and \\ and \\\\\" and é\n\u2028 {x} %s",
  "n": 1.8,
  "true": true
}
`

func TestBundle(t *testing.T) {
	got, err := build(sample(), "rivulet_top", sampleModel)
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile("testdata/bundle.py", []byte(got), 0o644))
	}
	want, err := os.ReadFile("testdata/bundle.py")
	require.NoError(t, err)
	require.Equal(t, string(want), got)
	for range 20 {
		again, err := build(sample(), "rivulet_top", sampleModel)
		require.NoError(t, err)
		require.Equal(t, got, again, "always the same bytes")
	}
	run(t, "-m", "py_compile", "testdata/bundle.py")
	lint(t, "testdata/bundle.py")
}

// The model that Python reads is the one that was put in.
func TestModelSurvives(t *testing.T) {
	top := map[string]string{"rivulet_top": "\"\"\"Top.\"\"\"\n\n" + future + "\nimport json\nimport sys\n\nMODEL = None  # the renderer puts the model here\n\n" +
		"if __name__ == \"__main__\":\n    sys.stdout.buffer.write(json.dumps(MODEL, sort_keys=True, indent=1).encode())\n"}
	for _, model := range []string{sampleModel, `[]`, `""`, `"\\"`, `"\""`, `["", "\"", "\"\"\"", "'''", "\\\"\\\"", "\r\n\t\u0000é€😀"]`} {
		text, err := build(top, "rivulet_top", model)
		require.NoError(t, err)
		file := filepath.Join(t.TempDir(), "top.py")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		require.JSONEq(t, model, run(t, file))
	}
}

func TestBundleErrors(t *testing.T) {
	for _, c := range []struct{ module, old, new, want string }{
		{"rivulet_top", "import sys\n", "import sys\nimport rivulet_left\n", `rivulet_top.py:10: "import rivulet_left": in one file there are no modules`},
		{"rivulet_top", "import last, left", "import last, left as links", "leave out as"},
		{"rivulet_top", "import last, left", "import *", "not an import of the form"},
		{"rivulet_top", "import last, left", "import last, absent", "rivulet_top.py imports absent from rivulet_left.py, which does not define it"},
		{"rivulet_top", "from rivulet_left", "from rivulet_gone", "rivulet_top -> rivulet_gone: open rivulet_gone.py: file does not exist"},
		{"rivulet_top", "import sys\n", "import sys, os\n", "one name an import"},
		{"rivulet_top", "import sys\n", "import sys  # noqa\n", "a comment would be lost"},
		{"rivulet_top", "    print(", "    import rivulet_left\n    print(", "rivulet_top.py:23: an import that is not before everything else"},
		{"rivulet_top", "MODEL: Any", "import os\nMODEL: Any", ""},
		{"rivulet_top", "\n\ndef main", "\nimport os\n\n\ndef main", "rivulet_top.py:21: an import that is not before"},
		{"rivulet_top", "  # the renderer puts the model here", "", "rivulet_top.py has 0 lines MODEL = None  # the renderer"},
		{"rivulet_top", "MODEL: Any = None  # the renderer puts the model here\n", "MODEL = None  # the renderer puts the model here\nMODEL = None  # the renderer puts the model here\n", "has 2 lines"},
		{"rivulet_top", "import json\n", "", "rivulet_top.py does not import json"},
		{"rivulet_top", "\"\"\"Top of it.\n\nTwo paragraphs.\n\"\"\"\n", "", "no docstring"},
		{"rivulet_top", future, "", "from __future__ import annotations"},
		{"rivulet_right", "def right", "def base() -> int:\n    return 1\n\n\ndef right", "base is defined twice: in rivulet_base.py; in rivulet_right.py"},
		{"rivulet_right", "def right", "LIMIT, x = 1, 2\n\n\ndef right", "LIMIT is defined twice"},
		{"rivulet_right", "def right", "time = 1\n\n\ndef right", "time is defined twice: import time; in rivulet_right.py"},
		{"rivulet_right", "from collections", "from datetime import time\nfrom collections", "time is defined twice: import time; from datetime import time"},
		{"rivulet_base", "import os\n", "import os\nfrom rivulet_left import left\n", "modules import each other in a circle: rivulet_top -> rivulet_base -> rivulet_left -> rivulet_base"},
	} {
		modules := sample()
		require.Contains(t, modules[c.module], c.old)
		modules[c.module] = strings.Replace(modules[c.module], c.old, c.new, 1)
		_, err := build(modules, "rivulet_top", "{}")
		if c.want == "" {
			require.NoError(t, err, c.new)
		} else {
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, "bundle: ")
		}
	}
	_, err := build(sample(), "rivulet_top", `"""`)
	require.ErrorContains(t, err, "the model is not JSON")
}

// run runs python3 and returns what it prints.
func run(t *testing.T, args ...string) string {
	python, err := exec.LookPath("python3")
	if err != nil && os.Getenv("CI") == "" {
		t.Skip("python3 is not installed")
	}
	require.NoError(t, err)
	cmd := exec.Command(python, args...)
	cmd.Env = append(os.Environ(), "PYTHONPYCACHEPREFIX="+t.TempDir())
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	return string(out)
}

// lint checks a bundle as scripts/ruff.sh checks the modules; it runs this with $RUFF.
func lint(t *testing.T, file string) {
	ruff := os.Getenv("RUFF")
	if ruff == "" {
		ruff = "../../.tools/ruff/bin/ruff"
		if _, err := os.Stat(ruff); err != nil {
			t.Log("ruff is not installed; scripts/ruff.sh does that, and runs this test")
			return
		}
	}
	for _, args := range [][]string{{"check", "-q"}, {"format", "-q", "--diff"}} {
		out, err := exec.Command(ruff, append(args, "--no-cache", "--config", "ruff.toml", file)...).CombinedOutput()
		require.NoError(t, err, "ruff %v: %s", args, out)
	}
}
