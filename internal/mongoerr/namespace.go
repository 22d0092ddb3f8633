package mongoerr

import (
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/mongo"
)

// Namespace returns " db.coll" if coll has the methods Name and Database of [*mongo.Collection],
// and "" otherwise. It quotes names with unusual characters.
func Namespace(coll any) string {
	n, ok := coll.(interface{ Name() string })
	if !ok {
		return ""
	}
	name := n.Name()
	if d, ok := coll.(interface{ Database() *mongo.Database }); ok {
		if db := d.Database(); db != nil {
			name = db.Name() + "." + name
		}
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r == ' ' || !strconv.IsPrint(r) }) {
		name = strconv.Quote(name)
	}
	return " " + name
}
