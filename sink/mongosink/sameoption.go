package mongosink

import (
	"bytes"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// sameOption reports whether a server stores have if it was given want. It adds defaults to some
// documents, and rounds the size of a capped collection up.
func sameOption(name string, want, have bson.RawValue) bool {
	if have.IsZero() {
		return isDefault(name, want)
	}
	switch name {
	case "timeseries":
		span := seriesSpan(want, have)
		return sameFields(want, have, func(field string, v bson.RawValue) bool {
			switch field {
			case "granularity":
				return textOf(v) == "seconds"
			case "bucketMaxSpanSeconds":
				return sameNumber(v, span)
			}
			return false
		})
	case "collation":
		collation, _ := want.DocumentOK()
		locale := textOf(collation.Lookup("locale"))
		return sameFields(want, have, func(field string, v bson.RawValue) bool {
			return isDefaultOfCollation(locale, field, v)
		})
	case "clusteredIndex":
		return sameFields(want, have, func(field string, v bson.RawValue) bool {
			return field == "v" || field == "name" && textOf(v) == "_id_"
		})
	case "changeStreamPreAndPostImages", "storageEngine":
		return covers(want, have)
	case "size":
		const unit = 256
		w, _ := want.AsInt64OK()
		h, _ := have.AsInt64OK()
		return sameValue(want, have) || (w+unit-1)/unit*unit == h
	}
	return sameValue(want, have)
}

// sameFields reports whether two documents have the same fields with the same values. A field that
// one of them lacks must have a default in the other.
func sameFields(want, have bson.RawValue, isDefault func(field string, v bson.RawValue) bool) bool {
	a, isDocument := want.DocumentOK()
	b, both := have.DocumentOK()
	if !isDocument || !both {
		return sameValue(want, have)
	}
	return includes(a, b, isDefault) && includes(b, a, isDefault)
}

// includes reports whether b has all fields of a, except for defaults, with the same values.
func includes(a, b bson.Raw, isDefault func(field string, v bson.RawValue) bool) bool {
	elements, err := a.Elements()
	return err == nil && !slices.ContainsFunc(elements, func(e bson.RawElement) bool {
		other := b.Lookup(e.Key())
		if other.IsZero() {
			return !isDefault(e.Key(), e.Value())
		}
		return !covers(e.Value(), other) || !covers(other, e.Value())
	})
}

// seriesSpan returns the bucketMaxSpanSeconds that follows from the granularity of two descriptions
// of a time series. A server lists it also if it was not given.
func seriesSpan(want, have bson.RawValue) int64 {
	for _, v := range []bson.RawValue{want, have} {
		series, _ := v.DocumentOK()
		if granularity := textOf(series.Lookup("granularity")); granularity != "" {
			return bucketSpans[granularity]
		}
	}
	return bucketSpans["seconds"]
}

// isDefaultOfCollation reports whether a collation without the field may have this value. Some
// locales have their own defaults. The version is the server's.
func isDefaultOfCollation(locale, field string, v bson.RawValue) bool {
	language, _, _ := strings.Cut(locale, "_")
	on, isBool := v.BooleanOK()
	off := isBool && !on
	switch field {
	case "version", "normalization": // many scripts need the normalization
		return true
	case "strength":
		return sameNumber(v, 3)
	case "maxVariable":
		return textOf(v) == "punct"
	case "caseLevel", "numericOrdering":
		return off
	case "caseFirst":
		return textOf(v) == "off" || language == "da" || language == "mt"
	case "backwards":
		return off || locale == "fr_CA"
	case "alternate":
		return textOf(v) == "non-ignorable" || language == "th"
	}
	return false
}

func textOf(v bson.RawValue) string {
	text, _ := v.StringValueOK()
	return text
}

func sameNumber(v bson.RawValue, n int64) bool {
	f, isNumber := numberOf(v)
	return isNumber && f == float64(n)
}

// covers reports whether have has all fields of the document want, with the same values.
func covers(want, have bson.RawValue) bool {
	fields, isDocument := want.DocumentOK()
	others, both := have.DocumentOK()
	if !isDocument || !both {
		return sameValue(want, have)
	}
	elements, err := fields.Elements()
	return err == nil && !slices.ContainsFunc(elements, func(e bson.RawElement) bool {
		return !covers(e.Value(), others.Lookup(e.Key()))
	})
}

// sameValue reports whether two values are equal. Numbers of different types are compared by their
// value.
func sameValue(a, b bson.RawValue) bool {
	if a.Type == b.Type {
		return bytes.Equal(a.Value, b.Value)
	}
	x, isNumber := numberOf(a)
	y, both := numberOf(b)
	return isNumber && both && x == y
}

// numberOf returns the value of an int32, an int64 or a double.
func numberOf(v bson.RawValue) (float64, bool) {
	if f, ok := v.DoubleOK(); ok {
		return f, true
	}
	n, ok := v.AsInt64OK()
	return float64(n), ok && (v.Type == bson.TypeInt32 || v.Type == bson.TypeInt64)
}

// isDefault reports whether a collection without the option has this value.
func isDefault(name string, v bson.RawValue) bool {
	text, _ := v.StringValueOK()
	switch name {
	case "validationLevel":
		return text == "strict"
	case "validationAction":
		return text == "error"
	case "capped":
		on, isBool := v.BooleanOK()
		return isBool && !on
	case "collation":
		collation, _ := v.DocumentOK()
		return textOf(collation.Lookup("locale")) == "simple"
	case "changeStreamPreAndPostImages":
		on, isBool := bson.Raw(v.Value).Lookup("enabled").BooleanOK()
		return isBool && !on
	}
	return false
}
