package main

import (
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/mongotest"
)

// grant is a privilege on the resource.
func grant(resource bson.D, actions ...string) bson.D {
	return bson.D{{Key: "resource", Value: resource}, {Key: "actions", Value: actions}}
}

func of(db, collection string) bson.D {
	return bson.D{{Key: "db", Value: db}, {Key: "collection", Value: collection}}
}

func TestMissing(t *testing.T) {
	for name, test := range map[string]struct {
		privileges bson.A
		want       string
	}{
		"none":               {nil, "find insert"},
		"all databases":      {bson.A{grant(of("", ""), "insert", "find")}, ""},
		"any resource":       {bson.A{grant(bson.D{{Key: "anyResource", Value: true}}, "insert", "find")}, ""},
		"this database":      {bson.A{grant(of("shop", ""), "find"), grant(of("shop", ""), "insert")}, ""},
		"another database":   {bson.A{grant(of("other", ""), "insert", "find")}, "find insert"},
		"one collection":     {bson.A{grant(of("shop", "orders"), "insert", "find")}, "find insert"},
		"of all databases":   {bson.A{grant(of("", "orders"), "insert", "find")}, "find insert"},
		"the cluster":        {bson.A{grant(bson.D{{Key: "cluster", Value: true}}, "insert", "find")}, "find insert"},
		"some of the rights": {bson.A{grant(of("", ""), "find")}, "insert"},
	} {
		raw, err := bson.Marshal(bson.D{{Key: "p", Value: test.privileges}})
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Privileges []privilege `bson:"p"`
		}
		if err := bson.Unmarshal(raw, &got); err != nil {
			t.Fatal(err)
		}
		if lacks := strings.Join(missing(got.Privileges, "shop", []string{"find", "insert"}), " "); lacks != test.want {
			t.Errorf("%s: %q, want %q", name, lacks, test.want)
		}
	}
}

// doctor names the rights that the user of MongoDB lacks. A user that makes backups need not
// restore.
func TestDoctorRights(t *testing.T) {
	w := newWorld(t)
	w.add(t, "shop", "orders", 1)
	w.repository(t)
	for name, test := range map[string]struct {
		actions []string
		code    int
		words   []string
	}{
		"everything": {
			slices.Concat(restoreActions, validatorActions), 0, []string{"ok      backup", "ok      restore"},
		},
		"no validators": {
			restoreActions, 0,
			[]string{"ok      restore", "skipped validators", "shop: bypassDocumentValidation, collMod"},
		},
		"a backup": {
			backupActions, 0, []string{"ok      backup", "skipped restore", "shop: createCollection", "insert"},
		},
		"too little": {
			slices.DeleteFunc(slices.Clone(backupActions), func(a string) bool { return a == "listIndexes" }), 1,
			[]string{"FAILED  backup", "shop: listIndexes", "grant it the role backup"},
		},
	} {
		user := bson.D{{Key: "user", Value: "me"}, {Key: "db", Value: "admin"}}
		reply, err := bson.Marshal(bson.D{
			{Key: "authInfo", Value: bson.D{
				{Key: "authenticatedUsers", Value: bson.A{user}},
				{Key: "authenticatedUserPrivileges", Value: bson.A{grant(of("", ""), test.actions...)}},
			}},
			{Key: "ok", Value: 1.0},
		})
		if err != nil {
			t.Fatal(err)
		}
		w.srv.Heal()
		w.srv.Inject(mongotest.Fault{Command: "connectionStatus", Reply: reply})
		o := w.run(t, "doctor", "./repo", "--identity", "me.txt")
		if o.code != test.code {
			t.Errorf("%s: exit code %d: %s", name, o.code, o.messages)
		}
		for _, word := range test.words {
			if !strings.Contains(o.out, word) {
				t.Errorf("%s: %q is missing: %s", name, word, o.out)
			}
		}
	}
}

// A server that names roles without their privileges says nothing about rights.
func TestDoctorRolesOnly(t *testing.T) {
	w := newWorld(t)
	w.add(t, "shop", "orders", 1)
	w.repository(t)
	reply, err := bson.Marshal(bson.D{
		{Key: "authInfo", Value: bson.D{
			{Key: "authenticatedUsers", Value: bson.A{bson.D{{Key: "user", Value: "me"}}}},
			{Key: "authenticatedUserRoles", Value: bson.A{bson.D{{Key: "role", Value: "backup"}}}},
			{Key: "authenticatedUserPrivileges", Value: bson.A{}},
		}},
		{Key: "ok", Value: 1.0},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.srv.Inject(mongotest.Fault{Command: "connectionStatus", Reply: reply})
	if o := w.must(t, "doctor", "./repo", "--identity", "me.txt"); !strings.Contains(o.out, "skipped rights") {
		t.Error(o.out)
	}
}

// A check that an error prevented is reported as failed, not as skipped.
func TestDoctorLearnsNothing(t *testing.T) {
	w := newWorld(t)
	w.add(t, "shop", "orders", 1)
	w.repository(t)
	for command, test := range map[string]struct{ words, not string }{
		"connectionStatus": {"FAILED  rights", "skipped rights"},
		"listDatabases":    {"FAILED  databases", "everyone may do everything"},
		"listCollections":  {"FAILED  snapshot", "there is no collection to read"},
	} {
		w.srv.Heal()
		w.srv.Inject(mongotest.Fault{Command: command, Close: true})
		o := w.run(t, "doctor", "./repo", "--identity", "me.txt")
		if o.code != 1 || !strings.Contains(o.out, test.words) || strings.Contains(o.out, test.not) {
			t.Errorf("%s: exit code %d: %s%s", command, o.code, o.out, o.messages)
		}
	}
}
