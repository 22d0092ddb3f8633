package codec_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	stdgzip "compress/gzip"
	"errors"
	"io"
	"testing"

	"github.com/klauspost/compress/zstd"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/stream"
)

// files returns the first bytes of files of every format.
func files(t *testing.T) map[codec.FileType][]byte {
	var zipped, tarred bytes.Buffer
	z := zip.NewWriter(&zipped)
	_, _ = z.Create("shop.json")
	_ = z.Close()
	w := tar.NewWriter(&tarred)
	_ = w.WriteHeader(&tar.Header{Name: "shop.json"})
	_ = w.Close()
	doc, err := bson.Marshal(bson.D{{Key: "_id", Value: 1}})
	if err != nil {
		t.Fatal(err)
	}
	text := jsonText(2000)
	return map[codec.FileType][]byte{
		codec.TypeUnknown:      append([]byte{0xff, 0xfe, 0xfd, 0xfc}, noise(1000)...),
		codec.TypeEmpty:        nil,
		codec.TypeGzip:         stdGzip(text),
		codec.TypeZstd:         must(t)(bytesThrough(codec.Zstd(nil), text, 0)),
		codec.TypeZlib:         must(t)(bytesThrough(codec.Zlib(nil), text, 0)),
		codec.TypeS2:           must(t)(bytesThrough(codec.S2(nil), text, 0)),
		codec.TypeBzip2:        []byte("BZh91AY&SY\x00"),
		codec.TypeXz:           []byte("\xfd7zXZ\x00\x00\x04"),
		codec.TypeAge:          []byte("age-encryption.org/v1\n-> X25519 abc\n"),
		codec.TypeArmoredAge:   []byte("-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n"),
		codec.TypeZip:          zipped.Bytes(),
		codec.TypeTar:          tarred.Bytes(),
		codec.TypeMongoArchive: []byte("\x6d\xe2\x99\x81\x68\x00\x00\x00"),
		codec.TypeBSON:         doc,
		codec.TypeJSON:         text,
		codec.TypeHTML:         []byte(" <!DOCTYPE html>\n<html><head><title>403 Forbidden</title>"),
		codec.TypeXML:          []byte(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>NoSuchKey</Code></Error>`),
		codec.TypeText:         []byte("hello\n"),
	}
}

func TestFileTypeOf(t *testing.T) {
	for want, file := range files(t) {
		if got := codec.FileTypeOf(file); got != want {
			t.Errorf("%s is taken for %s", want, got)
		}
	}
	for text, want := range map[string]codec.FileType{
		"\uFEFF {\"a\":1}":   codec.TypeJSON,
		"[1]":                codec.TypeJSON,
		"<Error>":            codec.TypeXML,
		"<HTML>":             codec.TypeHTML,
		"\x1f\x8b":           codec.TypeUnknown,
		"\x05\x00\x00\x00":   codec.TypeUnknown,
		"\x5d\x2a\x4d\x18":   codec.TypeZstd,
		"\xff\x06\x00\x00sN": codec.TypeUnknown,
	} {
		if got := codec.FileTypeOf([]byte(text)); got != want {
			t.Errorf("%q is taken for %s, want %s", text, got, want)
		}
	}
}

// TestOtherFormats gives each decoder the files of all other formats.
func TestOtherFormats(t *testing.T) {
	lines := func(p []byte) error {
		_, err := parsed(codec.ParseJSONLines[cookie](nil), string(p), 0)
		return err
	}
	array := func(p []byte) error {
		_, err := parsed(codec.ParseJSONArray[cookie](nil), string(p), 0)
		return err
	}
	by := func(f flow) func([]byte) error {
		return func(p []byte) error {
			_, err := bytesThrough(f, p, 0)
			return err
		}
	}
	type formats map[codec.FileType]bool
	known := formats{codec.TypeGzip: true, codec.TypeZstd: true, codec.TypeZlib: true, codec.TypeS2: true}
	json := formats{codec.TypeJSON: true, codec.TypeText: true, codec.TypeEmpty: true, codec.TypeUnknown: true}
	for name, c := range map[string]struct {
		decode func([]byte) error
		takes  formats
	}{
		"gunzip":           {by(codec.Gunzip(nil)), formats{codec.TypeGzip: true}},
		"gunzip by 2":      {by(codec.Gunzip(&codec.GunzipOptions{Parallelism: 2})), formats{codec.TypeGzip: true}},
		"unzstd":           {by(codec.Unzstd(nil)), formats{codec.TypeZstd: true}},
		"unzstd by 2":      {by(codec.Unzstd(&codec.UnzstdOptions{Parallelism: 2})), formats{codec.TypeZstd: true}},
		"unzlib":           {by(codec.Unzlib(nil)), formats{codec.TypeZlib: true}},
		"uns2":             {by(codec.UnS2(nil)), formats{codec.TypeS2: true}},
		"detect":           {by(codec.Detect(nil)), known},
		"parse json lines": {lines, json},
		"parse json array": {array, json},
	} {
		for format, file := range files(t) {
			err := c.decode(file)
			var other *codec.FormatError
			switch {
			case c.takes[format]:
				if errors.As(err, &other) {
					t.Errorf("%s of %s: %v", name, format, err)
				}
			case !errors.As(err, &other) || other.Got != format || other.Err == nil ||
				stream.ClassOf(err) != stream.Data:
				t.Errorf("%s of %s: %v, of class %v", name, format, err, stream.ClassOf(err))
			}
		}
	}
	// The error still wraps the one that damage would cause.
	for err, want := range map[error]error{
		by(codec.Gunzip(nil))([]byte("hello")): stdgzip.ErrHeader,
		by(codec.Gunzip(nil))(nil):             io.ErrUnexpectedEOF,
		by(codec.Unzstd(nil))([]byte("hello")): zstd.ErrMagicMismatch,
		by(codec.Detect(nil))([]byte("hello")): codec.ErrUnknownFormat,
		by(codec.Detect(nil))(nil):             io.ErrUnexpectedEOF,
	} {
		if !errors.Is(err, want) {
			t.Errorf("%v is not %v", err, want)
		}
	}
}

// TestTrailing appends data after the end of each format.
func TestTrailing(t *testing.T) {
	text := jsonText(2000)
	for _, c := range pairs() {
		if c.name[:2] == "de" {
			continue // deflate reports only that data follows
		}
		z := must(t)(bytesThrough(c.pack(), text, 0))
		for tail, what := range map[string]string{
			"\n":          "white space",
			"\x00\x00":    "zeros",
			"{\"a\":1}\n": "JSON",
			"garbage":     "text",
		} {
			_, err := bytesThrough(c.unpack(), append(bytes.Clone(z), tail...), 0)
			if c.name[:2] == "s2" && tail[0] == 0 || c.name[:2] == "sn" && tail[0] == 0 {
				continue // an incomplete chunk
			}
			if !errors.Is(err, codec.ErrTrailing) || !bytes.HasSuffix([]byte(err.Error()), []byte(": "+what)) {
				t.Errorf("%s, then %q: %v", c.name, tail, err)
			}
		}
	}
}

// TestDetectNearFormats flips a bit of a format's signature. The stream must not pass as plain.
func TestDetectNearFormats(t *testing.T) {
	for format, file := range files(t) {
		for i := range 7 {
			switch format {
			case codec.TypeGzip:
				if i > 2 {
					continue
				}
			case codec.TypeZstd:
				if i > 3 {
					continue
				}
			case codec.TypeS2:
			default:
				continue
			}
			for bit := range 8 {
				bad := bytes.Clone(file)
				bad[i] ^= 1 << bit
				if _, err := bytesThrough(codec.Detect(&codec.DetectOptions{Plain: true}), bad, 0); err == nil {
					t.Errorf("%s, byte %d, bit %d: passed as plain", format, i, bit)
				}
			}
		}
	}
	// A BSON document whose length equals the beginning of S2's signature is plain.
	doc := append([]byte("\xff\x06\x00\x00\x02a\x00"), make([]byte, 0x6ff-7)...)
	if got, err := bytesThrough(codec.Detect(&codec.DetectOptions{Plain: true}), doc, 0); err != nil ||
		!bytes.Equal(got, doc) {
		t.Errorf("BSON: %d bytes, %v", len(got), err)
	}
}
