package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// What Linux tells about a process and its descendants, in /proc.

// userHZ is the unit of CPU time in /proc, 10 ms on every architecture of Linux.
const userHZ = 100

// tree returns the ids of a process and all its descendants.
func tree(root int) ([]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		return nil, fmt.Errorf("no processes in /proc: the benchmark needs Linux (%v)", err)
	}
	children := map[int][]int{}
	for _, file := range stats {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if fields := stat(pid); len(fields) > 1 {
			parent, _ := strconv.Atoi(fields[1])
			children[parent] = append(children[parent], pid)
		}
	}
	all := []int{root}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all, nil
}

// stat returns the fields of /proc/PID/stat after the name, which may have spaces.
func stat(pid int) []string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil // it has ended
	}
	return strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
}

// treeCPU is the user and system time that the processes have had, in steps of
// 10 ms each.
func treeCPU(pids []int) time.Duration {
	ticks := 0
	for _, pid := range pids {
		if fields := stat(pid); len(fields) > 12 {
			user, _ := strconv.Atoi(fields[11])
			system, _ := strconv.Atoi(fields[12])
			ticks += user + system
		}
	}
	return time.Duration(ticks) * time.Second / userHZ
}

// treeMemory adds up a figure of /proc/PID/status in bytes: VmRSS, resident now,
// or VmHWM, the most ever.
func treeMemory(pids []int, figure string) (bytes int64) {
	for _, pid := range pids {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == figure+":" {
				kb, _ := strconv.ParseInt(f[1], 10, 64)
				bytes += kb << 10
			}
		}
	}
	return bytes
}
