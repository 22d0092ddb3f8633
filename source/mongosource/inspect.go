package mongosource

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// These checks look only for values that make the driver panic or hang. The driver itself reports
// malformed messages.

// inspectSections checks the documents of an OP_MSG: flags (4 bytes), then sections. A section has
// one document (kind 0), or a size, a name and documents (kind 1).
func inspectSections(body []byte) error {
	if len(body) < 4 {
		return nil
	}
	for body = body[4:]; len(body) > 0; {
		kind := body[0]
		body = body[1:]
		if len(body) < 4 {
			return nil
		}
		size := int(int32(binary.LittleEndian.Uint32(body)))
		if size < 4 || size > len(body) {
			return nil
		}
		if kind == 0 {
			if err := inspectFields(body[:size]); err != nil {
				return err
			}
		}
		body = body[size:]
	}
	return nil
}

// inspectReply checks the documents of an OP_REPLY, which follow its flags, cursor, offset and
// count.
func inspectReply(body []byte) error {
	const fields = 4 + 8 + 4 + 4
	if len(body) < fields {
		return nil
	}
	for body = body[fields:]; len(body) >= 4; {
		size := int(int32(binary.LittleEndian.Uint32(body)))
		if size < 4 || size > len(body) {
			return nil
		}
		if err := inspectFields(body[:size]); err != nil {
			return err
		}
		body = body[size:]
	}
	return nil
}

// inspectFields checks the fields whose types the driver does not check.
func inspectFields(doc []byte) error {
	for rest := doc[min(4, len(doc)):]; len(rest) > 1; {
		element, tail, ok := bsoncore.ReadElement(rest)
		if !ok {
			return nil
		}
		value, err := element.ValueErr()
		if err != nil {
			return nil
		}
		if err := inspectField(element.Key(), value); err != nil {
			return err
		}
		rest = tail
	}
	return nil
}

func inspectField(key string, v bsoncore.Value) error {
	wrong := func() error { return fmt.Errorf("%s of type %v", key, v.Type) }
	switch key {
	case "$clusterTime":
		if v.Type != bsoncore.TypeEmbeddedDocument {
			return wrong()
		}
		t, err := bson.Raw(v.Data).LookupErr("clusterTime")
		if err == nil && t.Type != bson.TypeTimestamp {
			return fmt.Errorf("a cluster time of type %v", t.Type)
		}
	case "operationTime", "atClusterTime":
		if v.Type != bsoncore.TypeTimestamp {
			return wrong()
		}
	case "recoveryToken":
		if v.Type != bsoncore.TypeEmbeddedDocument {
			return wrong()
		}
	case "cursor":
		if cursor, ok := v.DocumentOK(); ok {
			return inspectCursor(cursor)
		}
	case "speculativeAuthenticate":
		if speculative, ok := v.DocumentOK(); ok {
			return inspectFields(speculative)
		}
	}
	if strings.ToLower(key) == "payload" { // the driver ignores its case
		return inspectSCRAM(v)
	}
	return nil
}

// inspectCursor checks the cursor of a reply. The driver takes a first batch without the id of its
// cursor for the last one.
func inspectCursor(cursor bsoncore.Document) error {
	if t, err := cursor.LookupErr("atClusterTime"); err == nil && t.Type != bsoncore.TypeTimestamp {
		return fmt.Errorf("a cluster time of type %v", t.Type)
	}
	if _, err := cursor.LookupErr("firstBatch"); err != nil {
		return nil
	}
	if id, err := cursor.LookupErr("id"); err != nil || id.Type != bsoncore.TypeInt64 {
		return errors.New("a first batch without the id of its cursor")
	}
	return nil
}

// maxIterations is the largest accepted number of password iterations. Servers ask for 15,000 by
// default.
const maxIterations = 1_000_000

// inspectSCRAM checks the number of iterations in a server's first SCRAM message (RFC 5802:
// r=NONCE,s=SALT,i=COUNT).
func inspectSCRAM(v bsoncore.Value) error {
	for _, attribute := range bytes.Split(payloadOf(v), []byte(",")) {
		count, found := bytes.CutPrefix(attribute, []byte("i="))
		if !found {
			continue
		}
		n, err := strconv.Atoi(string(count))
		if n > maxIterations || errors.Is(err, strconv.ErrRange) {
			return fmt.Errorf("an authentication of more than %d iterations", maxIterations)
		}
	}
	return nil
}

// payloadOf returns the bytes that the driver reads from v, which may also be a string.
func payloadOf(v bsoncore.Value) []byte {
	if _, payload, ok := v.BinaryOK(); ok {
		return payload
	}
	if text, ok := v.StringValueOK(); ok {
		return []byte(text)
	}
	text, _ := v.SymbolOK()
	return []byte(text)
}
