package mongotest

import "go.mongodb.org/mongo-driver/v2/bson"

// buckets returns what listCollections says about the collection that has the documents of the time
// series c. The server gives the UUID only there.
func (c *collection) buckets() bson.Raw {
	return document(bson.D{
		{Key: "name", Value: "system.buckets." + c.name},
		{Key: "type", Value: plainType},
		{Key: "options", Value: bson.D{}},
		{Key: "info", Value: bson.D{
			{Key: "readOnly", Value: false},
			{Key: "uuid", Value: bson.Binary{Subtype: bson.TypeBinaryUUID, Data: c.uuid[:]}},
		}},
	})
}
