package mongosink_test

import (
	"errors"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// A field of an option that one of the two lacks is a difference, unless the server adds it.
func TestCreateCollectionsConflictInside(t *testing.T) {
	series := func(more ...bson.E) bson.E {
		return e("timeseries", append(bson.D{e("timeField", "t")}, more...))
	}
	collation := func(locale string, more ...bson.E) bson.E {
		return e("collation", append(bson.D{e("locale", locale)}, more...))
	}
	clustered := func(more ...bson.E) bson.E {
		return e("clusteredIndex", append(bson.D{e("key", bson.D{e("_id", 1)}), e("unique", true)}, more...))
	}
	seconds := []bson.E{e("granularity", "seconds"), e("bucketMaxSpanSeconds", 3600)}
	for name, c := range map[string]struct {
		a, b   bson.E
		differ string
	}{
		"meta field":        {series(), series(e("metaField", "m")), "timeseries"},
		"its defaults":      {series(), series(seconds...), ""},
		"other granularity": {series(seconds...), series(e("granularity", "hours")), "timeseries"},
		"default hours": {series(e("granularity", "hours")), series(e("bucketMaxSpanSeconds", 2592000),
			e("granularity", "hours")), ""},
		"own span": {
			series(seconds...),
			series(e("bucketMaxSpanSeconds", 300), e("bucketRoundingSeconds", 300)), "timeseries",
		},
		"own span of an hour": {
			series(seconds...),
			series(e("bucketMaxSpanSeconds", 3600), e("bucketRoundingSeconds", 3600)), "timeseries",
		},
		"strength": {collation("fr"), collation("fr", e("strength", 1)), "collation"},
		"numbers":  {collation("fr"), collation("fr", e("numericOrdering", true)), "collation"},
		"case":     {collation("fr", e("caseLevel", false)), collation("fr", e("caseLevel", true)), "collation"},
		"all defaults": {collation("fr"), collation("fr", e("caseLevel", false), e("caseFirst", "off"),
			e("strength", 3), e("numericOrdering", false), e("alternate", "non-ignorable"), e("maxVariable", "punct"),
			e("normalization", false), e("backwards", false), e("version", "57.1")), ""},
		"order of letters": {collation("fr"), collation("fr", e("caseFirst", "upper")), "collation"},
		"of a locale":      {collation("da"), collation("da", e("caseFirst", "upper")), ""},
		"accents":          {collation("fr"), collation("fr", e("backwards", true)), "collation"},
		"of a country":     {collation("fr_CA"), collation("fr_CA", e("backwards", true)), ""},
		"clustered":        {clustered(), clustered(e("v", 2), e("name", "_id_")), ""},
		"other name":       {clustered(), clustered(e("v", 2), e("name", "by id")), "clusteredIndex"},
	} {
		kind := "collection"
		if c.a.Key == "timeseries" {
			kind = c.a.Key
		}
		for _, pair := range [][2]bson.E{{c.a, c.b}, {c.b, c.a}} {
			_, db := newDatabase(t)
			create := mongosink.CreateCollections(db, nil)
			if _, err := stream.Run(t.Context(), source.Of(describe(t, "c", kind, pair[0])), create); err != nil {
				t.Fatal(err)
			}
			got, err := stream.Run(t.Context(), source.Of(describe(t, "c", kind, pair[1])), create)
			var conflict *mongosink.CollectionConflictError
			if c.differ == "" && (err != nil || got.Existing != 1) ||
				c.differ != "" && (!errors.As(err, &conflict) || strings.Join(conflict.Options, ", ") != c.differ) {
				t.Errorf("%s: %v, then %v: %+v, %v", name, pair[0], pair[1], got, err)
			}
		}
	}
	_, db := newDatabase(t)
	create := mongosink.CreateCollections(db, nil)
	if got, err := stream.Run(t.Context(), source.Of(describe(t, "c", "collection"),
		describe(t, "c", "collection", collation("simple"))), create); err != nil || got.Existing != 1 {
		t.Errorf("the simple collation: %+v, %v", got, err)
	}
}
