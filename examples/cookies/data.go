package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

const (
	documents = 4000
	seed      = 2014 // the same cookies on every run
)

var (
	names = []string{
		"Anzac biscuit", "Vanillekipferl", "Macaron à la violette", "月餅", "Печенье овсяное", "Παξιμάδι",
		"क़ुराबिया", "Alfajor 🥮", "Spritz “extra”", `Back\slash & <tag>`, "Zimtstern ✶", "غريبة",
	}
	cities      = []string{"Graz", "Lyon", "København", "東京", "São Paulo", "Melbourne", "Kraków"}
	ingredients = []string{"flour", "butter", "sugar", "almonds", "cocoa", "rye", "honey", "cardamom", "salt"}
	words       = []string{
		"crisp", "a little", "too", "sweet", "grandmother's", "better than", "the", "soft",
		"never", "again", "très bon", "🍪",
	}
	shelf = []string{"vegan", "gluten-free", "seasonal", "crumbly", "fragile", "export", "iced"}
)

// cookie returns the n-th cookie: a document with most of the types that MongoDB has. (The embedded
// server stores no NaN, Decimal128, MinKey, MaxKey or code.)
func cookie(rng *rand.Rand, n int) bson.D {
	baked := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * 97 * time.Minute)
	doc := bson.D{
		{Key: "_id", Value: objectID(rng, baked)},
		{Key: "name", Value: names[n%len(names)]},
		{Key: "batch", Value: int64(n)<<40 + rng.Int64N(1<<40)},
		{Key: "pieces", Value: rng.Int32N(500)},
		{Key: "rating", Value: float64(rng.IntN(1000)) / 7},
		{Key: "baked", Value: bson.NewDateTimeFromTime(baked)},
		{Key: "sold", Value: n%3 == 0},
		{Key: "bakery", Value: bson.D{
			{Key: "city", Value: cities[rng.IntN(len(cities))]},
			{Key: "oven", Value: bson.D{
				{Key: "number", Value: rng.Int32N(12)},
				{Key: "celsius", Value: 170 + 10*rng.Float64()},
			}},
			{Key: "location", Value: bson.D{
				{Key: "type", Value: "Point"},
				{Key: "coordinates", Value: bson.A{360*rng.Float64() - 180, 180*rng.Float64() - 90}},
			}},
		}},
		{Key: "recipe", Value: recipe(rng)},
		{Key: "tags", Value: tags(rng)},
		{Key: "reviews", Value: reviews(rng)},
	}
	if n%2 == 0 {
		doc = append(doc, bson.E{Key: "photo", Value: bson.Binary{Data: noise(rng, 1500+rng.IntN(3500))}})
	}
	switch n % 5 {
	case 0:
		doc = append(doc, bson.E{Key: "recalled", Value: nil})
	case 1:
		doc = append(doc, bson.E{Key: "label", Value: bson.Regex{Pattern: "^cookie-[0-9]+$", Options: "i"}})
	case 2:
		doc = append(doc, bson.E{Key: "oplog", Value: bson.Timestamp{T: uint32(baked.Unix()), I: uint32(n)}})
	case 3:
		doc = append(doc, bson.E{Key: "uuid", Value: bson.Binary{Subtype: 0x04, Data: noise(rng, 16)}})
	case 4:
		doc = append(doc, bson.E{Key: "crumbs", Value: bson.A{}}, bson.E{Key: "extra", Value: bson.D{}})
	}
	return doc
}

func recipe(rng *rand.Rand) bson.A {
	var a bson.A
	for _, i := range rng.Perm(len(ingredients))[:2+rng.IntN(4)] {
		a = append(a, bson.D{
			{Key: "what", Value: ingredients[i]},
			{Key: "grams", Value: rng.Int32N(900)},
			{Key: "organic", Value: rng.IntN(2) == 0},
		})
	}
	return a
}

func tags(rng *rand.Rand) bson.A {
	a := bson.A{}
	for _, i := range rng.Perm(len(shelf))[:rng.IntN(4)] {
		a = append(a, fmt.Sprintf("%s-%d", shelf[i], rng.IntN(10)))
	}
	return a
}

func reviews(rng *rand.Rand) bson.A {
	a := bson.A{}
	for range rng.IntN(10) {
		text := ""
		for range 5 + rng.IntN(20) {
			text += words[rng.IntN(len(words))] + " "
		}
		a = append(a, bson.D{{Key: "stars", Value: 1 + rng.Int32N(5)}, {Key: "text", Value: text}})
	}
	return a
}

// objectID returns an ObjectID that is the same on every run, unlike the driver's.
func objectID(rng *rand.Rand, t time.Time) (id bson.ObjectID) {
	binary.BigEndian.PutUint32(id[:], uint32(t.Unix()))
	copy(id[4:], noise(rng, 8))
	return id
}

// noise returns n bytes that do not compress, like a picture.
func noise(rng *rand.Rand, n int) []byte {
	b := make([]byte, 0, n+8)
	for len(b) < n {
		b = binary.LittleEndian.AppendUint64(b, rng.Uint64())
	}
	return b[:n]
}
