package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	_ "image/png" // for image.Decode
	"os"
)

// decode returns the picture in a file. It checks the size first, because a tiny file can state any
// size.
func decode(name string) (image.Image, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	size, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	const maxPixels = 100_000_000
	if int64(size.Width)*int64(size.Height) > maxPixels {
		return nil, fmt.Errorf("it has %d × %d pixels, more than %d in all", size.Width, size.Height, maxPixels)
	}
	picture, _, err := image.Decode(bytes.NewReader(data))
	return picture, err
}

// resize returns a picture of at most edge × edge pixels, on white. Each of its pixels is the mean
// of the pixels that it replaces. A picture that is small enough keeps its size.
func resize(picture image.Image, edge int) image.Image {
	from := image.NewRGBA(image.Rectangle{Max: picture.Bounds().Size()})
	draw.Draw(from, from.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(from, from.Rect, picture, picture.Bounds().Min, draw.Over)

	width, height := from.Rect.Dx(), from.Rect.Dy()
	longest := max(width, height, edge)
	to := image.NewRGBA(image.Rect(0, 0, max(width*edge/longest, 1), max(height*edge/longest, 1)))
	for y := range to.Rect.Dy() {
		for x := range to.Rect.Dx() {
			to.SetRGBA(x, y, mean(from, image.Rect(
				x*width/to.Rect.Dx(), y*height/to.Rect.Dy(),
				(x+1)*width/to.Rect.Dx(), (y+1)*height/to.Rect.Dy())))
		}
	}
	return to
}

// mean returns the mean colour of an area that is not empty.
func mean(picture *image.RGBA, area image.Rectangle) color.RGBA {
	var red, green, blue int
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			c := picture.RGBAAt(x, y)
			red, green, blue = red+int(c.R), green+int(c.G), blue+int(c.B)
		}
	}
	n := area.Dx() * area.Dy()
	return color.RGBA{uint8(red / n), uint8(green / n), uint8(blue / n), 255}
}
