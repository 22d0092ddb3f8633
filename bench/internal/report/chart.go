package report

import (
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
)

var (
	oursColor   = color.RGBA{R: 0x1f, G: 0x77, B: 0x6e, A: 0xff}
	theirsColor = color.RGBA{R: 0xb4, G: 0xb9, B: 0xc1, A: 0xff}
)

// WriteChart draws the case into the file NAME.svg in dir. Each competitor has a horizontal bar
// from zero to its median in the case's metric, with the number and its range as a label.
func (r *Result) WriteChart(dir string) error {
	p := plot.New()
	p.Title.Text = r.Name + ": " + r.About
	p.Title.TextStyle.Font.Size, p.Title.Padding = 11, 2*vg.Millimeter
	p.X.Label.Text = r.By.unit(r.Unit)
	if r.subtracts() {
		p.X.Label.Text = "overhead, " + p.X.Label.Text
	}
	p.X.Min = 0
	p.X.Label.TextStyle.Font.Size = 10
	p.Y.Tick.Length = 0
	p.Y.LineStyle.Width = 0

	everyone := r.competitors()
	names := make([]string, len(everyone))
	var most float64
	for who, c := range everyone {
		at := len(everyone) - 1 - who // ours on top
		names[at] = " " + c.Name
		vs := r.values(r.By, who)
		most = max(most, median(vs))
		barColor := theirsColor
		if who == 0 {
			barColor = oursColor
		}
		if err := r.addBar(p, at, vs, barColor); err != nil {
			return err
		}
	}
	p.NominalY(names...)
	p.Y.Min, p.Y.Max = -0.5, float64(len(names))-0.5
	for _, t := range []*text.Style{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label} {
		t.Font.Variant = "Sans"
	}
	p.X.Max = 1.3 * most // room for the numbers
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("report: chart %s: %w", r.Name, err)
	}
	height := vg.Length(len(everyone))*0.8*vg.Centimeter + 2.5*vg.Centimeter
	if err := p.Save(18*vg.Centimeter, height, filepath.Join(dir, r.Name+".svg")); err != nil {
		return fmt.Errorf("report: chart %s: %w", r.Name, err)
	}
	return nil
}

func (r *Result) addBar(p *plot.Plot, at int, vs []float64, barColor color.Color) error {
	mid := median(vs)
	bar, err := plotter.NewBarChart(plotter.Values{mid}, 0.55*vg.Centimeter)
	if err != nil {
		return fmt.Errorf("report: chart %s: %w", r.Name, err)
	}
	bar.Horizontal, bar.XMin, bar.LineStyle.Width = true, float64(at), 0
	bar.Color = barColor
	label, err := plotter.NewLabels(plotter.XYLabels{
		XYs:    []plotter.XY{{X: mid, Y: float64(at)}},
		Labels: []string{fmt.Sprintf("  %s (%s – %s)", format3(mid), format3(slices.Min(vs)), format3(slices.Max(vs)))},
	})
	if err != nil {
		return fmt.Errorf("report: chart %s: %w", r.Name, err)
	}
	label.TextStyle[0].Font.Size, label.TextStyle[0].Font.Variant, label.TextStyle[0].YAlign = 9, "Sans", text.YCenter
	p.Add(bar, label)
	return nil
}
