package mongosink

import (
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/stream"
)

// collectionSpec describes a collection to create.
type collectionSpec struct {
	name    string
	kind    string // collection, view or timeseries; "" if the description does not say
	options []bson.RawElement
}

// oldOptions are fields that old servers list among the options of a collection, and that present
// servers do not accept.
var oldOptions = []string{"create", "autoIndexId", "flags", "temp", "usePowerOf2Sizes", "uuid"}

// readReply reads what a server says about one of its collections.
func readReply(description bson.Raw) (collectionSpec, error) {
	spec, err := readSpec(description)
	if err != nil {
		return spec, fmt.Errorf("%w: %w", mongoerr.ErrBadReply, err)
	}
	return spec, nil
}

// readSpec reads a description as listCollections gives it.
func readSpec(description bson.Raw) (spec collectionSpec, err error) {
	if err := description.Validate(); err != nil {
		return spec, fmt.Errorf("%w of a collection: %w", ErrBadDescription, err)
	}
	name, hasName := description.Lookup("name").StringValueOK()
	if !hasName || name == "" || strings.Contains(name, "\x00") {
		return spec, fmt.Errorf("%w of a collection: it has no name", ErrBadDescription)
	}
	spec.name = name
	spec.kind, _ = description.Lookup("type").StringValueOK()
	options, _ := description.Lookup("options").DocumentOK()
	elements, err := options.Elements()
	if len(options) > 0 && err != nil {
		return spec, fmt.Errorf("%w of the collection %s: %w", ErrBadDescription, printable.Text(name), err)
	}
	for _, e := range elements {
		if !slices.Contains(oldOptions, e.Key()) {
			spec.options = append(spec.options, e)
		}
	}
	switch {
	case spec.kind == "view" && !spec.isView():
		return spec, fmt.Errorf("%w of the view %s: it lacks viewOn", ErrBadDescription, printable.Text(name))
	case spec.kind == "timeseries" && !spec.isTimeSeries():
		return spec, fmt.Errorf("%w of the time series %s: it lacks timeseries", ErrBadDescription,
			printable.Text(name))
	}
	return spec, nil
}

func (c collectionSpec) option(name string) bson.RawValue {
	for _, e := range c.options {
		if e.Key() == name {
			return e.Value()
		}
	}
	return bson.RawValue{}
}

func (c collectionSpec) isView() bool       { return !c.option("viewOn").IsZero() }
func (c collectionSpec) isTimeSeries() bool { return !c.option("timeseries").IsZero() }

// without returns c without an option.
func (c collectionSpec) without(name string) collectionSpec {
	c.options = slices.DeleteFunc(slices.Clone(c.options), func(e bson.RawElement) bool { return e.Key() == name })
	return c
}

// renamed returns c with another name, and a view on the renamed collection.
func (c collectionSpec) renamed(rename func(string) string) collectionSpec {
	c.name = rename(c.name)
	c.options = slices.Clone(c.options)
	for i, e := range c.options {
		if on, ok := e.Value().StringValueOK(); ok && e.Key() == "viewOn" {
			one, err := bson.Marshal(bson.D{{Key: "viewOn", Value: rename(on)}})
			if err == nil { // a string always can be
				c.options[i] = bson.RawElement(one[4 : len(one)-1])
			}
		}
	}
	return c
}

// command returns the command that creates c.
func (c collectionSpec) command() bson.D {
	command := bson.D{{Key: "create", Value: c.name}}
	for _, e := range c.options {
		var value any = e.Value()
		if series, ok := e.Value().DocumentOK(); ok && e.Key() == "timeseries" {
			value = withoutSpan(series)
		}
		command = append(command, bson.E{Key: e.Key(), Value: value})
	}
	return command
}

// bucketSpans are the seconds that a bucket of a time series covers by default.
var bucketSpans = map[string]int64{"seconds": 3600, "minutes": 86_400, "hours": 2_592_000}

// withoutSpan returns the options of a time series without a bucketMaxSpanSeconds that follows from
// the granularity. Servers list it, and some refuse it together with the granularity.
func withoutSpan(series bson.Raw) bson.D {
	granularity, _ := series.Lookup("granularity").StringValueOK()
	elements, _ := series.Elements() // of a document that was checked
	kept := bson.D{}
	for _, e := range elements {
		span, _ := e.Value().AsInt64OK()
		if e.Key() != "bucketMaxSpanSeconds" || span != bucketSpans[granularity] {
			kept = append(kept, bson.E{Key: e.Key(), Value: e.Value()})
		}
	}
	return kept
}

// CollectionConflictError says that a collection exists, with other options than it should have.
type CollectionConflictError struct {
	Namespace string   // database and collection
	Options   []string // that differ
}

// Error names the collection and the options.
func (e *CollectionConflictError) Error() string {
	return fmt.Sprintf("the collection %s exists, with other options: %s", e.Namespace, strings.Join(e.Options, ", "))
}

// Class returns Fatal.
func (e *CollectionConflictError) Class() stream.Class { return stream.Fatal }

// compare returns a [*CollectionConflictError] if the collection that have describes is not c.
func (c collectionSpec) compare(db *mongo.Database, have bson.Raw) error {
	differ := c.differences(have)
	if len(differ) == 0 {
		return nil
	}
	return &CollectionConflictError{strings.TrimSpace(mongoerr.Namespace(db.Collection(c.name))), differ}
}

// differences returns the options in which the collection that have describes differs from c.
func (c collectionSpec) differences(have bson.Raw) (differ []string) {
	other, err := readSpec(have)
	if err != nil {
		return []string{"its description"}
	}
	if c.isView() != other.isView() || c.isTimeSeries() != other.isTimeSeries() {
		return []string{"its kind"}
	}
	for _, e := range c.options {
		if !sameOption(e.Key(), e.Value(), other.option(e.Key())) {
			differ = append(differ, printable.Text(e.Key()))
		}
	}
	for _, e := range other.options {
		if c.option(e.Key()).IsZero() && !isDefault(e.Key(), e.Value()) {
			differ = append(differ, printable.Text(e.Key()))
		}
	}
	return differ
}
