//go:build linux || darwin

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/term"
)

// A card from anywhere: whatever is in the place of a file, the tools end, print,
// and change nothing elsewhere.
func TestSpoolOfAHostileCard(t *testing.T) {
	names := []string{spool.LockName, spool.FormatName, spool.CursorName, spool.SpareName, spool.CursorName + ".tmp", spool.FormatName + ".tmp"}
	golden, err := os.ReadDir(filepath.Join(goldenSpools, "v1-damaged"))
	require.NoError(t, err)
	for _, e := range golden {
		names = append(names, e.Name(), strings.TrimSuffix(e.Name(), spool.SegmentExt)+spool.BadExt)
	}
	for kind, plant := range map[string]func(target, name string) error{
		"a link":            os.Symlink,
		"a link to nothing": func(_, name string) error { return os.Symlink(name+"-nothing", name) },
		"a second name":     os.Link,
		"a pipe":            func(_, name string) error { return unix.Mkfifo(name, 0o600) },
	} {
		for _, name := range names {
			t.Run(kind+" "+name, func(t *testing.T) {
				dir := copySpool(t, "v1-damaged")
				target := filepath.Join(filepath.Dir(dir), "target")
				precious := []byte("precious" + strings.Repeat("\x00", 64<<10))
				require.NoError(t, os.WriteFile(target, precious, 0o600))
				at := filepath.Join(dir, name)
				require.NoError(t, os.RemoveAll(at))
				require.NoError(t, plant(target, at))
				for _, verb := range []string{"ls", "verify", "dump", "repair", "ls", "verify"} {
					code, out, stderr := cli("spool", verb, dir)
					require.NotEmpty(t, out+stderr)
					if name == spool.LockName && kind != "a second name" {
						require.Equal(t, exitFailed, code)
						require.Contains(t, stderr, "remove it")
					} else if verb == "ls" {
						require.Zero(t, code, stderr)
					}
				}
				now, err := os.ReadFile(target)
				require.NoError(t, err)
				require.Equal(t, precious, now)
				require.NoFileExists(t, at+"-nothing")
			})
		}
	}
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(copySpool(t, "v1-plain"), link))
	for _, verb := range []string{"ls", "verify", "dump", "repair"} {
		code, _, stderr := cli("spool", verb, link)
		require.Equal(t, exitFailed, code)
		require.Contains(t, stderr, "give the directory that it leads to")
	}
}

// The tools that only look take a directory of anybody.
func TestSpoolOfSomebodyElse(t *testing.T) {
	dir := copySpool(t, "v1-plain")
	require.NoError(t, os.Chmod(dir, 0o777))
	if os.Geteuid() == 0 {
		require.NoError(t, os.Chown(dir, 4242, 4242))
	}
	for _, verb := range []string{"ls", "verify", "dump"} {
		code, out, stderr := cli("spool", verb, dir)
		require.Zero(t, code, stderr)
		require.NotEmpty(t, out)
	}
}

// Names are printed so that a terminal shows them and does nothing else.
func TestSpoolEscapesNames(t *testing.T) {
	const evil = "\x1b]0;owned\a\u009b2J\u202e\u2028\xff\r"
	dir := filepath.Join(t.TempDir(), "sp\x1b[2Jool")
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join(goldenSpools, "v1-damaged"))))
	id := spool.FileID{First: 1000, Before: 1000, Salt: 3}
	var file []byte
	for i := range uint64(3) {
		var b spool.Builder
		b.Reset()
		b.Add(evil, 7, i+1, []byte{0xff, 3, 'k', 0x1b, 'y', 0, 'x'})
		b.Add(evil, 7, i+100, []byte("no row"))
		file = b.Append(file, id.Salt, int64(len(file)), &spool.Head{First: id.First + 2*i, Before: id.Before + 2*i, Durable: id.Before + 2*i, Acked: 1})
	}
	file[200] ^= 0xff // a body
	for name, data := range map[string][]byte{id.Name(spool.SegmentExt): file, evil + ".bad": nil, evil + ".aside": {1},
		"schema-0000000000000001-0d0e8a3a.json": []byte(`{"name":"` + "\u009b31m" + `"}`), spool.DocName(5, []byte(`{"name":"\u001b]0;x"}`)): []byte(`{"name":"\u001b]0;x"}`)} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	for _, args := range [][]string{{"ls"}, {"ls", "-json"}, {"verify"}, {"verify", "-json"}, {"dump"}, {"dump", "-all"}, {"dump", "-aside"}, {"repair"}, {"repair", "-json"}, {"ls"}} {
		_, out, stderr := cli(append(append([]string{"spool"}, args...), dir)...)
		if args[0] != "repair" {
			require.Regexp(t, `(\\x1b|\\u001b)\]0;owned`, out+stderr, "%v", args)
		}
		for _, text := range []string{out, stderr} {
			require.Equal(t, -1, strings.IndexFunc(text, func(r rune) bool { return term.Unsafe(r) && r != '\n' && r != '\t' || r == unicode.ReplacementChar }),
				"%v printed %q", args, text)
		}
	}
}
