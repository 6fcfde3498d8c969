package main

import (
	"encoding/xml"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// A chart is panels of horizontal bars, one bar a producer. Its colours follow
// the reader's choice of light or dark.
type chart struct {
	title  string
	panels []panel
}

type panel struct {
	title string
	log   bool // bars begin at one tenth of the least power of ten needed
	bars  []bar
}

type bar struct {
	name, label string
	value       float64
	ours        bool
}

// Sizes in pixels.
const (
	chartWidth  = 760
	nameWidth   = 190
	labelWidth  = 90
	barHeight   = 20
	barGap      = 8
	panelHead   = 44
	chartHead   = 40
	chartMargin = 16
)

const chartStyle = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-size: 16px; font-weight: 600; }
  .panel { font-weight: 600; }
  .back { fill: #ffffff; }
  .bar { fill: #8c959f; }
  .ours { fill: #0969da; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .back { fill: #0d1117; }
    .bar { fill: #6e7681; }
    .ours { fill: #4493f8; }
  }
`

// writeCharts writes the charts whose scenarios were measured.
func writeCharts(dir string, all results) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	bars := func(scenario string, value func(figures) float64, label func(float64) string) (out []bar) {
		all.each(scenario, func(p peer, f figures) {
			v := value(f)
			out = append(out, bar{p.name, label(v), v, p.name == "rivulet"})
		})
		return out
	}
	up := func(f figures) float64 { return f.BytesUp }
	charts := map[string]chart{
		"bench-bytes.svg": {"Bytes up the socket a record, TLS included", []panel{
			{"flushed once a minute", false, bars("minute", up, decimals)},
			{"draining a backlog", false, bars("drain", up, decimals)},
		}},
		"bench-cost.svg": {"What draining a backlog costs", []panel{
			{"CPU a record, ns", true, bars("drain", func(f figures) float64 { return f.CPU }, grouped)},
			{"peak resident memory, MiB", true, bars("drain", func(f figures) float64 { return mib(f.PeakRSS) }, decimals)},
		}},
	}
	for name, c := range charts {
		if len(c.panels[0].bars) == 0 && len(c.panels[1].bars) == 0 {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(c.svg()), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (c chart) svg() string {
	height := chartHead + chartMargin
	for _, p := range c.panels {
		height += panelHead + len(p.bars)*(barHeight+barGap)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img" aria-label="%[3]s">`+"\n",
		chartWidth, height, escaped(c.title))
	fmt.Fprintf(&b, "<style>%s</style>\n", chartStyle)
	fmt.Fprintf(&b, `<rect class="back" width="%d" height="%d"/>`+"\n", chartWidth, height)
	fmt.Fprintf(&b, `<text class="title" x="%d" y="28">%s</text>`+"\n", chartMargin, escaped(c.title))
	y := chartHead
	for _, p := range c.panels {
		y = p.draw(&b, y)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// draw draws a panel and returns where the next one begins.
func (p panel) draw(b *strings.Builder, y int) int {
	title := p.title
	low, high := math.Inf(1), 0.0
	for _, bar := range p.bars {
		low, high = min(low, bar.value), max(high, bar.value)
	}
	width := func(v float64) float64 { return v / high }
	if p.log && low > 0 && high > low {
		base := math.Pow(10, math.Floor(math.Log10(low))) / 10
		title += fmt.Sprintf(" (logarithmic scale from %g)", base)
		width = func(v float64) float64 { return math.Log(v/base) / math.Log(high/base) }
	}
	fmt.Fprintf(b, `<text class="panel" x="%d" y="%d">%s</text>`+"\n", chartMargin, y+30, escaped(title))
	y += panelHead
	for _, bar := range p.bars {
		class := "bar"
		if bar.ours {
			class = "ours"
		}
		w := width(bar.value) * (chartWidth - nameWidth - labelWidth - chartMargin)
		fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text>`, nameWidth-8, y+15, escaped(bar.name))
		fmt.Fprintf(b, `<rect class="%s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/>`, class, nameWidth, y, w, barHeight)
		fmt.Fprintf(b, `<text x="%.1f" y="%d">%s</text>`+"\n", nameWidth+w+6, y+15, escaped(bar.label))
		y += barHeight + barGap
	}
	return y
}

func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder does not fail
	return b.String()
}
