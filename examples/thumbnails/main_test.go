package main

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The archive has a thumbnail for each of 20 pictures of many sizes, in order.
func TestPictures(t *testing.T) {
	folder := t.TempDir()
	for i := range 20 {
		// The first pictures are the largest, so that the later ones are ready before them.
		paint(t, filepath.Join(folder, fmt.Sprintf("%02d.jpg", i)), 1000-50*i, 500-25*i, shade(i))
	}
	paint(t, filepath.Join(folder, "99.PNG"), 30, 600, shade(20))
	if err := os.WriteFile(filepath.Join(folder, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(t.TempDir(), "thumbs.tar")
	var out strings.Builder
	if err := run(t.Context(), []string{folder, archive}, &out); err != nil {
		t.Fatal(err)
	}
	if want := archive + ": 21 pictures\n"; out.String() != want {
		t.Errorf("it says %q, want %q", out.String(), want)
	}
	file, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r := tar.NewReader(file)
	for i := range 21 {
		header, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		picture, err := jpeg.Decode(r)
		if err != nil {
			t.Fatalf("%s: %v", header.Name, err)
		}
		name, width, height := fmt.Sprintf("%02d.jpg.jpg", i), min(1000-50*i, 200), min(500-25*i, 100)
		if i == 20 {
			name, width, height = "99.PNG.jpg", 10, 200
		}
		if header.Name != name || picture.Bounds() != image.Rect(0, 0, width, height) {
			t.Errorf("entry %d is %s of %v, want %s of %d × %d", i, header.Name, picture.Bounds(), name, width, height)
		}
		got, want := picture.At(width/2, height/2), shade(i)
		if r, g, _, _ := got.RGBA(); distance(r>>8, uint32(want.R)) > 8 || distance(g>>8, uint32(want.G)) > 8 {
			t.Errorf("the colour of %s is %v, want %v", name, got, want)
		}
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last entry: %v", err)
	}
}

// A failed run names the file, and leaves the older archive.
func TestFailures(t *testing.T) {
	whole := t.TempDir()
	paint(t, filepath.Join(whole, "a.png"), 40, 40, shade(1))
	data, err := os.ReadFile(filepath.Join(whole, "a.png"))
	if err != nil {
		t.Fatal(err)
	}
	huge := bytes.Clone(data) // the header of a PNG file has the size at byte 16, and its checksum
	binary.BigEndian.PutUint32(huge[16:], 20_000)
	binary.BigEndian.PutUint32(huge[20:], 10_000)
	binary.BigEndian.PutUint32(huge[29:], crc32.ChecksumIEEE(huge[12:29]))
	for _, test := range []struct {
		name, text string
		want       string
	}{
		{"b.jpg", "text", "b.jpg cannot be read as a picture"},
		{"b.png", string(data[:len(data)/2]), "b.png cannot be read as a picture"},
		{"b.png", string(huge), "20000 × 10000 pixels"},
		{"b.jpg", "", "b.jpg cannot be read as a picture"},
	} {
		folder, target := t.TempDir(), t.TempDir()
		archive := filepath.Join(target, "thumbs.tar")
		for name, text := range map[string]string{
			filepath.Join(folder, "a.png"): string(data), filepath.Join(folder, test.name): test.text, archive: "old",
		} {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var out strings.Builder
		err := run(t.Context(), []string{folder, archive}, &out)
		if err == nil || !strings.Contains(err.Error(), test.want) || out.String() != "" {
			t.Errorf("error %v, want %s; it says %q", err, test.want, out.String())
		}
		if text, err := os.ReadFile(archive); string(text) != "old" {
			t.Errorf("the archive is %q, %v", text, err)
		}
		if all, _ := os.ReadDir(target); len(all) != 1 {
			t.Errorf("%d files are left beside the archive", len(all)-1)
		}
	}
	err = run(t.Context(), []string{t.TempDir(), "thumbs.tar"}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "has no file") {
		t.Errorf("an empty folder: %v", err)
	}
}

// Half black and half white becomes grey. Transparent becomes white.
func TestResize(t *testing.T) {
	picture := image.NewRGBA(image.Rect(5, 5, 9, 7))
	draw.Draw(picture, image.Rect(5, 5, 6, 7), image.Black, image.Point{}, draw.Src)
	draw.Draw(picture, image.Rect(6, 5, 7, 7), image.White, image.Point{}, draw.Src)
	small := resize(picture, 2)
	if small.Bounds() != image.Rect(0, 0, 2, 1) {
		t.Fatalf("it has %v", small.Bounds())
	}
	grey, white := color.RGBA{127, 127, 127, 255}, color.RGBA{255, 255, 255, 255}
	if left, right := small.At(0, 0), small.At(1, 0); left != grey || right != white {
		t.Errorf("its pixels are %v and %v", left, right)
	}
}

func shade(i int) color.RGBA { return color.RGBA{uint8(10 * i), uint8(250 - 10*i), 100, 255} }

func distance(a, b uint32) uint32 { return max(a, b) - min(a, b) }

// paint stores a picture with one colour.
func paint(t *testing.T, name string, width, height int, colour color.Color) {
	t.Helper()
	picture := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(picture, picture.Rect, image.NewUniform(colour), image.Point{}, draw.Src)
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if strings.HasSuffix(name, ".jpg") {
		err = jpeg.Encode(file, picture, nil)
	} else {
		err = png.Encode(file, picture)
	}
	if err != nil {
		t.Fatal(err)
	}
}
