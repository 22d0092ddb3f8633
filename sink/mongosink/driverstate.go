package mongosink

import (
	"reflect"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// RunCommand ignores the settings of the client and the collection, and the driver has no methods
// that return them. The functions of this file read them from unexported fields. If a version of
// the driver has no such field, they return the safe answer. A test fails then.

// transactionNumber returns the number of the session's last retryable write or transaction.
func transactionNumber(s *mongo.Session) (number int64, ok bool) {
	v := field(reflect.ValueOf(s), "clientSession", "Server", "TxnNumber")
	if v.Kind() != reflect.Int64 {
		return 0, false
	}
	return v.Int(), true
}

// retriesWrites reports whether the client has retryable writes, which is the default.
func retriesWrites(c *mongo.Client) bool {
	v := field(reflect.ValueOf(c), "retryWrites")
	return v.Kind() == reflect.Bool && v.Bool()
}

// encrypts reports whether the client encrypts fields.
func encrypts(c *mongo.Client) bool {
	v := field(reflect.ValueOf(c), "cryptFLE")
	return v.Kind() != reflect.Interface || !v.IsNil()
}

// writeConcernOf returns the write concern of a collection, or nil if it has none. It returns false
// if it cannot be read.
func writeConcernOf(coll *mongo.Collection) (*writeconcern.WriteConcern, bool) {
	v := field(reflect.ValueOf(coll), "writeConcern")
	if v.Kind() != reflect.Pointer {
		return nil, false
	}
	if v.IsNil() {
		return nil, true
	}
	var c writeconcern.WriteConcern
	switch w := field(v, "W"); {
	case w.Kind() == reflect.Interface && w.IsNil():
	case w.Elem().Kind() == reflect.String:
		c.W = w.Elem().String()
	case w.Elem().CanInt():
		c.W = int(w.Elem().Int())
	default:
		return nil, false
	}
	if j := field(v, "Journal"); j.Kind() == reflect.Pointer && !j.IsNil() {
		journal := j.Elem().Bool()
		c.Journal = &journal
	}
	return &c, true
}

// field returns the field of a field of v, by names. It returns the zero Value if there is none.
func field(v reflect.Value, names ...string) reflect.Value {
	for _, name := range names {
		for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
			v = v.Elem()
		}
		if v.Kind() != reflect.Struct {
			return reflect.Value{}
		}
		v = v.FieldByName(name)
	}
	return v
}
