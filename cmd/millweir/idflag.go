package main

import (
	"encoding/json"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// idFlag is the value of a flag that is an _id in Extended JSON. It is zero if the flag is not given:
// null is an _id, too.
type idFlag struct {
	text string
	id   bson.RawValue
}

// String implements [pflag.Value].
func (f *idFlag) String() string { return f.text }

// Type implements [pflag.Value].
func (f *idFlag) Type() string { return "_ID" }

// Set implements [pflag.Value].
func (f *idFlag) Set(text string) (err error) {
	f.text = text
	f.id, err = parseID(text)
	return err
}

// bound returns the _id as a bound: nil if the flag is not given.
func (f *idFlag) bound() any {
	if f.id.IsZero() {
		return nil
	}
	return f.id
}

// parseID parses an _id in Extended JSON.
func parseID(text string) (bson.RawValue, error) {
	var doc bson.Raw
	if json.Valid([]byte(text)) && bson.UnmarshalExtJSON([]byte(`{"v": `+text+`}`), false, &doc) == nil {
		if elements, err := doc.Elements(); err == nil && len(elements) == 1 {
			return elements[0].Value(), nil
		}
	}
	return bson.RawValue{}, errors.New("want an _id in Extended JSON: a number, a string in quotes, or {\"$oid\": …}")
}
