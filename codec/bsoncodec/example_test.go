package bsoncodec_test

import (
	"context"
	"fmt"
	"os"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func documents() stream.Source[bson.Raw] {
	var docs []bson.Raw
	for _, d := range []bson.D{
		{{Key: "_id", Value: 1}, {Key: "name", Value: "Ada"}},
		{{Key: "_id", Value: 2}, {Key: "name", Value: "Alan"}},
	} {
		doc, err := bson.Marshal(d)
		if err != nil {
			panic(err)
		}
		docs = append(docs, doc)
	}
	return source.Slice(docs)
}

func ExampleExtJSON() {
	text := stream.Via(documents(), bsoncodec.ExtJSON(nil))
	if _, err := stream.Run(context.Background(), text, sink.Writer(os.Stdout)); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"_id":{"$numberInt":"1"},"name":"Ada"}
	// {"_id":{"$numberInt":"2"},"name":"Alan"}
}

func ExampleParseExtJSON() {
	text := source.Of([]byte("{\"_id\":1}\n{\"_id\""), []byte(":2}\n{\"_id\":3,\"name\":oops}\n"))
	for doc, err := range stream.All(context.Background(), stream.Via(text, bsoncodec.ParseExtJSON(nil))) {
		fmt.Println(doc, err)
	}
	// Output:
	// {"_id": {"$numberInt":"1"}} <nil>
	// {"_id": {"$numberInt":"2"}} <nil>
	//  bsoncodec: parse line 3, offset 36, at /name, _id 3: want a value
}

func ExampleBSON() {
	files := stream.Via2(documents(), bsoncodec.BSON(nil), bsoncodec.ParseBSON(nil))
	for doc, err := range stream.All(context.Background(), files) {
		fmt.Println(doc, err)
	}
	// Output:
	// {"_id": {"$numberInt":"1"},"name": "Ada"} <nil>
	// {"_id": {"$numberInt":"2"},"name": "Alan"} <nil>
}

func ExampleParseBSON() {
	cut := source.Of([]byte("\x05\x00\x00\x00\x00\x0c\x00\x00\x00\x10a\x00"))
	for doc, err := range stream.All(context.Background(), stream.Via(cut, bsoncodec.ParseBSON(nil))) {
		fmt.Println(doc, err)
	}
	// Output:
	// {} <nil>
	//  bsoncodec: document 2, offset 12, at /a: unexpected EOF
}

func ExampleAppendExtJSON() {
	doc, _ := bson.Marshal(bson.D{{Key: "price", Value: 1.5}, {Key: "count", Value: int64(3)}})
	line, err := bsoncodec.AppendExtJSON(nil, doc, &bsoncodec.ExtJSONOptions{Relaxed: true})
	fmt.Println(string(line), err)
	// Output: {"price":1.5,"count":3} <nil>
}

func ExampleAppendBSON() {
	doc, err := bsoncodec.AppendBSON(nil,
		[]byte(`{"_id":{"$uuid":"73ffd264-44b3-4c69-90e8-e7d1dfc035d4"},"at":{"$date":1356351330501}}`), nil)
	fmt.Println(bson.Raw(doc), err)
	_, err = bsoncodec.AppendBSON(nil, []byte(`{"_id":1} {"_id":2}`), nil)
	fmt.Println(err)
	// Output:
	// {"_id": {"$binary":{"base64":"c//SZESzTGmQ6OfR38A11A==","subType":"04"}},"at": {"$date":{"$numberLong":"1356351330501"}}} <nil>
	// bsoncodec: parse line 1, offset 10, _id 1: a second document on the line
}

func ExampleValidate() {
	doc, _ := bson.Marshal(bson.D{{Key: "_id", Value: 1}, {Key: "name", Value: "Ada"}})
	fmt.Println(bsoncodec.Validate(doc, nil))
	doc[len(doc)-3] = 0xFF // the last letter
	fmt.Println(bsoncodec.Validate(doc, nil), bsoncodec.Validate(doc, &bsoncodec.ValidateOptions{Strict: true}))
	fmt.Println(bsoncodec.Validate(doc[:len(doc)-1], nil))
	// Output:
	// <nil>
	// <nil> bsoncodec: document, offset 13, at /name, _id {"$numberInt":"1"}: text that is not UTF-8
	// bsoncodec: document, offset 0, _id {"$numberInt":"1"}: wrong length
}
