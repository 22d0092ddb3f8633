package mongotest

import (
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// access is a user or a role.
type access struct {
	db, name string
	doc      bson.Raw // as usersInfo or rolesInfo describes it
}

// createUser keeps a user. It checks no password, and the server asks for none.
func (s *Server) createUser(req *request, name string) bson.Raw {
	bad := refuseUnknown("createUser", req.body, nil, "pwd", "roles", "customData", "mechanisms",
		"authenticationRestrictions", "digestPassword")
	if bad != nil {
		return bad
	}
	return s.addAccess(&s.users, "user", 51003, req, name)
}

// createRole keeps a role. The roles that it inherits from must exist.
func (s *Server) createRole(req *request, name string) bson.Raw {
	bad := refuseUnknown("createRole", req.body, nil, "privileges", "roles", "authenticationRestrictions")
	if bad != nil {
		return bad
	}
	return s.addAccess(&s.roles, "role", 51002, req, name)
}

func (s *Server) addAccess(list *[]access, word string, exists int32, req *request, name string) bson.Raw {
	const roleNotFound = 31
	same := func(a access) bool { return a.db == req.db && a.name == name }
	if slices.ContainsFunc(*list, same) {
		return failure(exists, word+" "+name+"@"+req.db+" already exists")
	}
	given, _ := req.body.Lookup("roles").ArrayOK()
	values, _ := given.Values()
	roles := bson.A{}
	for _, v := range values {
		role, db := v.StringValue, req.db
		named, isDocument := v.DocumentOK()
		if isDocument {
			role, db = named.Lookup("role").StringValue, named.Lookup("db").StringValue()
		}
		wanted := func(a access) bool { return a.db == db && a.name == role() }
		if word == "role" && !slices.ContainsFunc(s.roles, wanted) {
			return failure(roleNotFound, "Could not find role: "+role()+"@"+db)
		}
		roles = append(roles, bson.D{{Key: "role", Value: role()}, {Key: "db", Value: db}})
	}
	d := bson.D{
		{Key: "_id", Value: req.db + "." + name},
		{Key: word, Value: name},
		{Key: "db", Value: req.db},
		{Key: "roles", Value: roles},
	}
	for _, field := range []string{"privileges", "customData"} {
		if v := req.body.Lookup(field); !v.IsZero() {
			d = append(d, bson.E{Key: field, Value: v})
		}
	}
	*list = append(*list, access{req.db, name, document(d)})
	return document(bson.D{ok})
}

// accessInfo lists users or roles: one by its name and database, those of the database (1), or all
// ({forAllDBs: true}).
func (s *Server) accessInfo(list []access, field, word string, req *request) bson.Raw {
	docs := bson.A{}
	which := req.body.Index(0).Value()
	one, isOne := which.DocumentOK()
	everywhere, _ := one.Lookup("forAllDBs").BooleanOK()
	for _, a := range list {
		db, name := req.db, a.name
		if everywhere {
			db = a.db
		} else if isOne {
			db, _ = one.Lookup("db").StringValueOK()
			name, _ = one.Lookup(word).StringValueOK()
		}
		if a.db == db && a.name == name {
			docs = append(docs, a.doc)
		}
	}
	return document(bson.D{{Key: field, Value: docs}, ok})
}

// rolesNamespace is the collection in which a server keeps the roles of all databases. It can be read.
const rolesNamespace = "admin.system.roles"

func (s *Server) keptRoles() *collection {
	c := &collection{db: "admin", name: "system.roles", kind: plainType}
	for _, role := range s.roles {
		c.docs = append(c.docs, role.doc)
	}
	c.versions = []version{{docs: c.docs}}
	return c
}
